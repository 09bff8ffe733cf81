#include "config/command_line.h"

#include <gtest/gtest.h>

#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

Command command_of(const Arguments& arguments) {
  return parse_command_line(arguments).value().command;
}

std::string refusal(const Arguments& arguments) {
  auto line = parse_command_line(arguments);
  EXPECT_FALSE(line) << "taken";
  return line ? "" : line.error().what();
}

TEST(CommandLine, NamesACommand) {
  EXPECT_EQ(command_of({"serve"}), Command::serve);
  EXPECT_EQ(command_of({"s"}), Command::serve) << "its short name in the Go program";
  EXPECT_EQ(command_of({"config", "check"}), Command::config_check);
  EXPECT_EQ(command_of({"config", "show"}), Command::config_show);
  EXPECT_EQ(command_of({"config", "example"}), Command::config_example);
  EXPECT_EQ(command_of({"config", "reference"}), Command::config_reference);
  EXPECT_EQ(command_of({"migrate", "up"}), Command::migrate_up);
  EXPECT_EQ(command_of({"migrate", "up", "--cache-database-url=sqlite:/x"}), Command::migrate_up);
  auto dry = parse_command_line({"migrate", "up", "--dry-run"}).value();
  EXPECT_EQ(dry.command, Command::migrate_up);
  EXPECT_TRUE(dry.has("--dry-run"));
  EXPECT_EQ(command_of({"migrate", "status"}), Command::migrate_status);
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    auto line = parse_command_line({"completion", shell}).value();
    EXPECT_EQ(line.command, Command::completion);
    EXPECT_EQ(line.arguments, Texts{shell});
  }
}

TEST(CommandLine, GlobalFlagsGoBeforeAndAfterTheCommand) {
  for (const Arguments& arguments :
       {Arguments{"--log-level=debug", "serve"}, Arguments{"--log-level", "debug", "serve"},
        Arguments{"serve", "--log-level=debug"}, Arguments{"serve", "--log-level", "debug"},
        Arguments{"config", "check", "--log-level=debug"},
        Arguments{"--log-level=debug", "config", "show"}})
    EXPECT_EQ(parse_command_line(arguments).value().given["--log-level"], Texts{"debug"});
  EXPECT_EQ(load_with(serve_and({"--log-level=debug"})).options.log_level, log::Level::debug);
}

TEST(CommandLine, ConfigTakesTheFlagsOfServe) {
  for (const auto& option : option_table()) {
    std::string flag(option.flag);
    auto given = flag + "=" + (option.kind == Kind::flag ? "true" : "x");
    EXPECT_TRUE(parse_command_line({"config", "check", given})) << flag;
    EXPECT_TRUE(parse_command_line({"config", given, "show"})) << flag;
  }
}

TEST(CommandLine, FlagsOfServeDoNotGoBeforeIt) {
  refusal({"--cache-hostname=x", "serve"});
}

TEST(CommandLine, AFlagWithNothingBehindItIsNotGivenAndTakesNoOther) {
  for (const auto& option : option_table()) {
    std::string flag(option.flag);
    auto line = parse_command_line({"serve", flag + "=", "--cache-cdc-min=1"});
    ASSERT_TRUE(line) << flag;
    if (flag != "--cache-cdc-min") EXPECT_EQ(line->given["--cache-cdc-min"], Texts{"1"}) << flag;
    EXPECT_EQ(line->given.contains(flag), flag == "--cache-cdc-min") << flag;
    refusal({"serve", flag + "=", "apart"});
  }
}

TEST(CommandLine, UnknownFlagsAreNamedWithTheNearestOneButWithoutTheirValue) {
  for (const Arguments& arguments : {Arguments{"serve", "--cache-redis-pasword=hunter2"},
                                     Arguments{"serve", "--cache-redis-pasword", "hunter2"},
                                     Arguments{"--cache-redis-pasword=hunter2", "serve"}}) {
    auto said = refusal(arguments);
    EXPECT_NE(said.find("--cache-redis-pasword"), said.npos) << said;
    EXPECT_NE(said.find("did you mean --cache-redis-password"), said.npos) << said;
    EXPECT_EQ(said.find("hunter2"), said.npos) << said;
    EXPECT_NE(said.find("`ncps serve --help`"), said.npos) << said;
  }
  EXPECT_NE(refusal({"serve", "--no-such-flag="}).find("--no-such-flag"), std::string::npos);
  EXPECT_NE(refusal({"serve", "--cache-hostnam"}).find("did you mean --cache-hostname"),
            std::string::npos);
  refusal({"serve", "-x"});
}

TEST(CommandLine, ASecretAfterASpaceTooMuchIsNotRepeated) {
  auto said = refusal({"serve", "--cache-redis-password=", "hunter2"});
  EXPECT_EQ(said.find("hunter2"), said.npos) << said;
  said = refusal({"serve", "--cache-sign-narinfo", "hunter2"});
  EXPECT_EQ(said.find("hunter2"), said.npos) << said;
}

TEST(CommandLine, OtherCommandsAndNoneAreRefused) {
  for (const Arguments& arguments :
       {Arguments{}, Arguments{"no-such-command"}, Arguments{"config"}, Arguments{"config", "bake"},
        Arguments{"completion"}, Arguments{"completion", "tcsh"}, Arguments{"serve", "serve2"},
        Arguments{"--log-level=info"}, Arguments{""}})
    EXPECT_EQ(parse_command_line(arguments).error().kind(), ErrorKind::invalid);
}

TEST(CommandLine, AFlagThatWantsAValueIsRefusedWithoutOne) {
  for (const auto& option : option_table())
    if (option.kind != Kind::flag) {
      auto said = refusal({"serve", std::string(option.flag)});
      EXPECT_NE(said.find(option.flag), said.npos) << said;
    }
}

TEST(CommandLine, HelpOfEveryCommandIsPrinted) {
  for (const Arguments& arguments :
       {Arguments{"--help"}, Arguments{"-h"}, Arguments{"serve", "--help"},
        Arguments{"s", "--help"}, Arguments{"config", "--help"},
        Arguments{"config", "check", "--help"}, Arguments{"config", "show", "--help"},
        Arguments{"config", "example", "--help"}, Arguments{"config", "reference", "--help"},
        Arguments{"completion", "--help"}, Arguments{"--help-all"}}) {
    auto line = parse_command_line(arguments);
    ASSERT_TRUE(line) << line.error().what();
    EXPECT_EQ(line->command, Command::print_and_exit);
    EXPECT_NE(line->text.find("ncps"), std::string::npos) << line->text;
  }
  EXPECT_NE(parse_command_line({"--help"}).value().text.find("Exit status: 0 "), std::string::npos);
}

TEST(CommandLine, HelpOfServeNamesEveryOptionItsVariableAndDefault) {
  auto serve = parse_command_line({"serve", "--help"}).value().text;
  auto whole = serve + parse_command_line({"--help"}).value().text;
  for (const auto& option : option_table()) {
    EXPECT_NE(whole.find(std::string(option.flag)), whole.npos) << option.flag;
    if (option.scope == Scope::serve) EXPECT_NE(serve.find(option.flag), serve.npos) << option.flag;
    if (!option.env.empty())
      EXPECT_NE(whole.find("$" + std::string(option.env) + "]"), whole.npos) << option.env;
    if (option.secret == Secret::yes)
      EXPECT_NE(whole.find(std::string(option.flag) + "-file"), whole.npos);
  }
  for (const auto& old : old_names())
    if (!old.flag.empty())
      EXPECT_EQ(whole.find(std::string(old.flag) + " "), whole.npos) << "out of use: " << old.flag;
}

TEST(CommandLine, VersionIsPrinted) {
  for (const Arguments& arguments : {Arguments{"--version"}, Arguments{"--version", "serve"}}) {
    auto line = parse_command_line(arguments).value();
    EXPECT_EQ(line.command, Command::print_and_exit);
    EXPECT_TRUE(line.text.starts_with("ncps version ")) << line.text;
  }
}

}  // namespace
}  // namespace ncps::config
