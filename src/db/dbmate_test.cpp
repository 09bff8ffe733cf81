#include "db/dbmate.h"

#include <gtest/gtest.h>

namespace ncps::db {
namespace {

using Command = DbmateCall::Command;

Result<DbmateCall> parse(std::vector<std::string> arguments,
                         std::map<std::string, std::string> variables = {}) {
  auto environment = [&](std::string_view name) -> std::optional<std::string> {
    auto it = variables.find(std::string(name));
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  return parse_dbmate(arguments, environment);
}

TEST(Dbmate, TheCallsOfScriptsAreUnderstood) {
  struct {
    std::vector<std::string> arguments;
    Command command;
  } table[] = {
      {{"--url=sqlite:/x", "migrate", "up"}, Command::migrate},
      {{"--url", "sqlite:/x", "up"}, Command::up},
      {{"-u", "sqlite:/x", "status", "--exit-code"}, Command::status},
      {{"up", "--url=sqlite:/x"}, Command::up},
      {{"--url=sqlite:/x", "--migrations-dir=/share/ncps/db/migrations/sqlite", "up"}, Command::up},
      {{"-d", "a", "-d", "b", "-s", "x.sql", "-u", "sqlite:/x", "create"}, Command::create},
      {{"--no-dump-schema", "--verbose", "--strict", "-u", "sqlite:/x", "wait"}, Command::wait},
      {{"--migrations-table=schema_migrations", "-u", "sqlite:/x", "up"}, Command::up}};
  for (const auto& row : table) {
    auto call = parse(row.arguments);
    ASSERT_TRUE(call) << call.error().what();
    EXPECT_EQ(call->command, row.command);
    EXPECT_EQ(call->url, "sqlite:/x");
  }
}

TEST(Dbmate, TheUrlMayStandInAVariable) {
  EXPECT_EQ(parse({"up"}, {{"DATABASE_URL", "a:"}})->url, "a:");
  EXPECT_EQ(parse({"up", "--url=b:"}, {{"DATABASE_URL", "a:"}})->url, "b:");
  EXPECT_EQ(parse({"-e", "OTHER", "up"}, {{"DATABASE_URL", "a:"}, {"OTHER", "c:"}})->url, "c:");
  EXPECT_FALSE(parse({"up"}));
  EXPECT_FALSE(parse({"up"}, {{"DATABASE_URL", ""}}));
}

TEST(Dbmate, WaitsForAsLongAsItIsTold) {
  auto call = parse({"--wait", "--wait-timeout=2m", "-u", "x:", "up"}).value();
  EXPECT_TRUE(call.wait);
  EXPECT_EQ(call.patience, std::chrono::seconds(120));
  EXPECT_EQ(parse({"-u", "x:", "up"})->patience, std::chrono::seconds(60));
  for (auto bad : {"x", "", "-1s", "5h", "99999999999999999999s"})
    EXPECT_FALSE(parse({"--wait-timeout", bad, "-u", "x:", "up"})) << bad;
}

TEST(Dbmate, HelpAndVersionNeedNothing) {
  EXPECT_EQ(parse({})->command, Command::help);
  EXPECT_EQ(parse({"up", "--help"})->command, Command::help);
  EXPECT_EQ(parse({"help"})->command, Command::help);
  EXPECT_EQ(parse({"--version"})->command, Command::version);
}

TEST(Dbmate, WhatItCannotDoIsRefusedWithoutRepeatingASecret) {
  for (auto bad : std::vector<std::vector<std::string>>{{"--url=secret", "down"},
                                                        {"--url=secret", "rollback"},
                                                        {"--url=secret", "secret"},
                                                        {"--secret", "up"},
                                                        {"up", "--url"},
                                                        {"--migrations-table=secret", "up"}}) {
    auto call = parse(bad);
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().what().find("secret"), std::string::npos) << call.error().what();
  }
}

}  // namespace
}  // namespace ncps::db
