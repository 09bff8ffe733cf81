#include <gtest/gtest.h>

#include <set>

#include "config/option_table.h"
#include "config/serve_options.h"

namespace ncps::config {
namespace {

constexpr auto kKey = "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

std::optional<std::string> no_variable(std::string_view) {
  return std::nullopt;
}

RawValues values_of(std::vector<std::string> arguments,
                    const Environment& environment = no_variable) {
  return with_environment_and_defaults(parse_command_line(arguments).value().given, environment);
}

std::vector<std::string> good() {
  return {"serve", "--cache-hostname=cache.example", "--cache-storage-local=/tmp/x",
          "--cache-upstream-url=https://cache.nixos.org",
          std::string("--cache-upstream-public-key=") + kKey};
}

std::vector<std::string> good_and(std::vector<std::string> more) {
  auto all = good();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(OptionTable, FlagsVariablesAndKeysAreUnique) {
  std::set<std::string_view> flags, envs, keys;
  for (const auto& option : option_table()) {
    EXPECT_TRUE(flags.insert(option.flag).second) << option.flag;
    EXPECT_TRUE(envs.insert(option.env).second) << option.env;
    EXPECT_TRUE(keys.insert(option.key).second) << option.key;
  }
}

TEST(ServeOptions, TheContractsCommandLineReads) {
  auto read = read_serve_options(values_of(good()));
  ASSERT_TRUE(read.mistakes.empty()) << read.mistakes[0];
  EXPECT_EQ(read.options.hostname, "cache.example");
  EXPECT_EQ(read.options.database, "/tmp/x/var/ncps/db/db.sqlite");
  EXPECT_EQ(read.options.listen.port, 8501);
  EXPECT_TRUE(read.options.sign_narinfo);
  EXPECT_EQ(read.options.upstreams.size(), 1u);
  EXPECT_EQ(read.options.upstream_keys.size(), 1u);
}

TEST(ServeOptions, ListsRepeatOrTakeCommas) {
  auto read = read_serve_options(values_of(good_and(
      {"--cache-upstream-url", "http://a,http://b?priority=3", "--cache-upstream-url=http://c"})));
  ASSERT_TRUE(read.mistakes.empty()) << read.mistakes[0];
  ASSERT_EQ(read.options.upstreams.size(), 4u);
  EXPECT_EQ(read.options.upstreams[2].priority(), 3);
}

TEST(ServeOptions, TheCommandLineGoesBeforeTheEnvironmentBeforeTheDefault) {
  auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SERVER_ADDR") return ":1111";
    if (name == "LOG_LEVEL") return "error";
    if (name == "CACHE_SIGN_NARINFO") return "";  // empty is not set
    return std::nullopt;
  };
  auto read = read_serve_options(values_of(good_and({"--server-addr=:2222"}), environment));
  EXPECT_EQ(read.options.listen.port, 2222);
  EXPECT_EQ(read.options.log_level, log::Level::error);
  EXPECT_TRUE(read.options.sign_narinfo);
}

TEST(ServeOptions, FlagsReadAsGoReadsThemAndGlobalOnesGoBeforeOrAfter) {
  for (auto no : {"--cache-sign-narinfo=false", "--cache-sign-narinfo=0", "--cache-sign-narinfo=F"})
    EXPECT_FALSE(read_serve_options(values_of(good_and({no}))).options.sign_narinfo) << no;
  EXPECT_TRUE(
      read_serve_options(values_of(good_and({"--cache-sign-narinfo"}))).options.sign_narinfo);
  auto before = good();
  before.insert(before.begin(), "--log-level=debug");
  EXPECT_EQ(read_serve_options(values_of(before)).options.log_level, log::Level::debug);
  EXPECT_EQ(read_serve_options(values_of(good_and({"--log-level", "debug"}))).options.log_level,
            log::Level::debug);
}

TEST(ServeOptions, EveryMistakeIsNamedWithItsOriginAndNoPassword) {
  auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SERVER_ADDR") return "nonsense";
    return std::nullopt;
  };
  auto read = read_serve_options(
      values_of({"serve", "--cache-hostname=http://x/y",
                 "--cache-upstream-url=ftp://user:secret@host", "--cache-upstream-public-key=short",
                 "--log-level=loud", "--cache-database-url=oracle://u:secret@h/d"},
                environment));
  std::string all;
  for (const auto& mistake : read.mistakes) all += mistake + "\n";
  for (auto wanted : {"--cache-hostname: ", "--cache-storage-local is missing",
                      "--cache-upstream-url: ", "--cache-upstream-public-key: ",
                      "the variable SERVER_ADDR", "--log-level: ", "--cache-database-url: "})
    EXPECT_NE(all.find(wanted), std::string::npos) << wanted << "\n" << all;
  EXPECT_EQ(all.find("secret"), std::string::npos) << all;
}

TEST(CommandLine, WhatIsUnknownIsRefusedAndHelpNamesEveryOption) {
  EXPECT_FALSE(parse_command_line({"serve", "--no-such-flag"}));
  EXPECT_FALSE(parse_command_line({"no-such-command"}));
  EXPECT_FALSE(parse_command_line({}));
  auto help = parse_command_line({"serve", "--help"}).value();
  EXPECT_EQ(help.command, Command::print_and_exit);
  for (const auto& option : option_table()) {
    if (option.scope != Scope::serve) continue;
    EXPECT_NE(help.text.find(option.flag), std::string::npos) << option.flag;
    EXPECT_NE(help.text.find(option.env), std::string::npos) << option.env;
  }
  EXPECT_NE(parse_command_line({"--version"}).value().text.find("ncps version"), std::string::npos);
}

}  // namespace
}  // namespace ncps::config
