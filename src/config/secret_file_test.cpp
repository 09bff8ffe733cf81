// Secrets from files.
#include "config/secret_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/documents.h"
#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

struct SecretFiles : ::testing::Test {
  Files files;

  std::string value(const Loaded& loaded, std::string_view flag) {
    auto it = loaded.values.find(flag);
    return it == loaded.values.end() ? "(none)" : it->second.values.back();
  }
  static std::vector<const OptionSpec*> secrets() {
    std::vector<const OptionSpec*> out;
    for (const auto& option : option_table())
      if (option.secret == Secret::yes) out.push_back(&option);
    return out;
  }
  // Every way to name `path` as the file of an option's secret.
  std::vector<Loaded> every_way(const OptionSpec& option, const std::string& path) {
    std::string flag(option.flag), env(option.env), key(option.key);
    auto in_file = [&](const std::string& k, const std::string& v) {
      return load_with(
          {"serve", "--config", files.write("c.json", "{\"" + k + "\": \"" + v + "\"}")});
    };
    return {load_with({"serve", flag + "=file:" + path}),
            load_with({"serve", flag + "-file=" + path}),
            load_with({"serve", flag + "-file", path}),
            load_with({"serve"}, {{env, "file:" + path}}),
            load_with({"serve"}, {{env + "_FILE", path}}),
            in_file(key, "file:" + path),
            in_file(key + "-file", path)};
  }
};

TEST_F(SecretFiles, HoldTheValueInEveryWayToNameThem) {
  auto path = files.write("secret", " \n hunter2 words\r\n\n");
  for (const auto* option : secrets())
    for (const auto& loaded : every_way(*option, path))
      EXPECT_EQ(value(loaded, option->flag), "hunter2 words") << option->flag;
}

TEST_F(SecretFiles, MissingOnesAndEmptyOnesAreOneMistakeWithOriginAndPath) {
  std::filesystem::create_directory(files.path("folder"));
  auto plain = load_with({"serve"}).mistakes.size();
  for (const auto& path :
       {files.path("missing"), files.write("empty", " \n"), files.path("folder")}) {
    for (const auto* option : secrets()) {
      for (const auto& loaded : every_way(*option, path)) {
        auto said = lines(loaded.mistakes);
        EXPECT_EQ(loaded.mistakes.size(), plain + 1) << said;
        EXPECT_NE(said.find("'" + path + "'"), said.npos) << said;
      }
    }
  }
  auto said = lines(load_with({"serve"}, {{"CACHE_REDIS_PASSWORD_FILE", "/no/such"}}).mistakes);
  EXPECT_NE(
      said.find(
          "the variable CACHE_REDIS_PASSWORD_FILE: --cache-redis-password: the file '/no/such' "
          "cannot be read"),
      said.npos)
      << said;
}

TEST_F(SecretFiles, OnlyTheOneThatCountsIsRead) {
  auto loaded = load_with(serve_and({"--cache-get-token=word"}),
                          {{"CACHE_GET_TOKEN_FILE", files.path("missing")}});
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
  EXPECT_EQ(value(loaded, "--cache-get-token"), "word");
}

TEST_F(SecretFiles, WorkForTheOldNameOfAKeyToo) {
  auto path = files.write("url", "sqlite:/some/db\n");
  auto config = files.write("c.yaml", "cache:\n  database:\n    url: file:" + path + "\n");
  EXPECT_EQ(value(load_with(serve_and({"--config", config})), "--cache-database-url"),
            "sqlite:/some/db");
}

TEST_F(SecretFiles, DoNotShowWhatTheyHold) {
  auto path = files.write("secret", "hunter2");
  for (const auto* option : secrets()) {
    for (const auto& loaded : every_way(*option, path)) {
      EXPECT_EQ((all_words(loaded) + show(loaded.values)).find("hunter2"), std::string::npos)
          << option->flag;
    }
  }
}

TEST_F(SecretFiles, OnlySecretsComeFromFiles) {
  auto path = files.write("name", "cache.example");
  auto loaded = load_with({"serve", "--otel-grpc-url=file:" + path});
  EXPECT_EQ(value(loaded, "--otel-grpc-url"), "file:" + path);
  EXPECT_FALSE(parse_command_line({"serve", "--cache-hostname-file=" + path}));
}

}  // namespace
}  // namespace ncps::config
