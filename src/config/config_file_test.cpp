#include "config/config_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;

constexpr std::string_view kGood =
    "cache:\n"
    "  hostname: cache.example\n"
    "  storage:\n"
    "    local: /tmp/x\n"
    "  upstream:\n"
    "    urls: [https://cache.nixos.org]\n";

struct ConfigFile : ::testing::Test {
  Files files;

  Loaded with(const std::string& name, const std::string& text) {
    return load_with({"serve", "--config", files.write(name, text)});
  }
  // One mistake, which begins with the file and the line.
  void expect_mistake(const std::string& name, const std::string& text, int line,
                      const std::string& what) {
    auto said = lines(with(name, text).mistakes);
    auto at = said.find(files.path(name));
    ASSERT_NE(at, said.npos) << text << "\n" << said;
    auto rest = said.substr(at + files.path(name).size(), said.find('\n', at) - at);
    EXPECT_NE(rest.find("line " + std::to_string(line) + ":"), rest.npos) << text << "\n" << said;
    EXPECT_NE(rest.find(what), rest.npos) << text << "\n" << said;
  }
};

TEST_F(ConfigFile, AloneIsEnough) {
  auto loaded = with("ncps.yaml", std::string(kGood));
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
  EXPECT_EQ(loaded.options.hostname, "cache.example");
}

TEST_F(ConfigFile, KeysMayBeWrittenWithDots) {
  auto loaded = with(
      "d.yaml", "cache.hostname: a\ncache.storage: {local: /x}\ncache.upstream.urls: http://u\n");
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
}

TEST_F(ConfigFile, UnknownKeysAreNamedWithLineAndTheNearestName) {
  expect_mistake("u.yaml", "cache:\n  hostnmae: x\n", 2, "did you mean 'cache.hostname'");
  expect_mistake("u.yaml", "log:\n  level: info\nserver:\n  address: x\n", 4,
                 "did you mean 'server.addr'");
  expect_mistake("u.toml", "[cache.upstream]\n\nurl = ['x']\n", 3,
                 "did you mean 'cache.upstream.urls'");
  expect_mistake("u.json", "{\n\"prometeus\": {\n\"enabled\": true\n}\n}", 3,
                 "did you mean 'prometheus.enabled'");
  expect_mistake("u.yaml", "hostname: {a: {b: 1}}\n", 1, "there is no key 'hostname.a.b'");
  expect_mistake("u.yaml", "cache:\n  hostname:\n    name: x\n", 3,
                 "there is no key 'cache.hostname.name'");
  expect_mistake("u.yaml", std::string(900, 'x') + ": 1\n", 1, "there is no key");
}

TEST_F(ConfigFile, WhatIsNoSuchLanguageIsNamedWithItsLine) {
  expect_mistake("m.yaml", "cache:\n  hostname: a\n bad: [\n", 3, "");
  expect_mistake("m.yaml", "a: b: c\n", 1, "");
  expect_mistake("m.toml", "[cache]\nhostname = \n", 2, "");
  expect_mistake("m.toml", "[cache]\nhostname = 'a'\nhostname = 'b'\n", 3, "");
  expect_mistake("m.json", "{\n\"cache\": {\"hostname\": \"x\"\n", 3, "");
  expect_mistake("m.json", "{\"cache\": \n\"unfinished", 2, "");
  expect_mistake("m.yaml", "just text\n", 1, "keys and values");
  expect_mistake("m.yaml", "\n- a\n- b\n", 2, "keys and values");
}

TEST_F(ConfigFile, ValuesArePlainOrListsOfPlainOnes) {
  expect_mistake("v.yaml", "cache:\n  upstream:\n    urls:\n      - url: http://a\n", 4,
                 "cache.upstream.urls: a list may only hold plain values");
  expect_mistake("v.yaml", "cache:\n  upstream:\n    urls: [[a], b]\n", 3, "plain values");
  expect_mistake("v.yaml", "cache:\n  upstream:\n    urls: [null]\n", 3, "plain values");
  expect_mistake("v.toml", "[[cache.upstream.urls]]\nurl = 'a'\n", 1, "plain values");
  expect_mistake("v.toml", "cache.upstream.urls = [\n['a']]\n", 2, "plain values");
}

TEST_F(ConfigFile, AKeyGivenTwiceIsRefused) {
  expect_mistake("t.yaml", "cache:\n  hostname: a\n  hostname: b\n", 3,
                 "cache.hostname is given twice");
  expect_mistake("t.yaml", "cache.hostname: a\ncache:\n  hostname: b\n", 3,
                 "cache.hostname is given twice");
  expect_mistake("t.json", "{\"cache\":{\"hostname\":\"a\"},\n\"cache\":{\"hostname\":\"b\"}}", 2,
                 "given twice");
}

TEST_F(ConfigFile, AMistakeInAValueNamesFileAndLine) {
  expect_mistake("x.yaml", "\n\nlog:\n  level: loud\n", 4, "--log-level 'loud' is no level");
  expect_mistake("x.toml", "[log]\nlevel = 'loud'\n", 2, "--log-level 'loud' is no level");
  expect_mistake("x.json", "{\"log\":\n{\"level\":\n\"loud\"}}", 3,
                 "--log-level 'loud' is no level");
  expect_mistake("x.yaml", "cache:\n  upstream:\n    urls:\n      - http://a\n      - ftp://b\n", 4,
                 "'ftp://b'");
}

TEST_F(ConfigFile, NothingInItIsNoMistake) {
  for (auto nothing : {"", "\n", "# only words\n", "---\n", "{}", "null", "cache:\n",
                       "cache: {upstream: null}\n"}) {
    auto loaded = load_with(serve_and({"--config", files.write("e.yaml", nothing)}));
    EXPECT_TRUE(loaded.mistakes.empty()) << nothing << lines(loaded.mistakes);
  }
  auto loaded = load_with(serve_and({"--config", files.write("e.toml", "")}));
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
}

TEST_F(ConfigFile, OneThatIsNamedMustBeThereAndAFile) {
  std::filesystem::create_directory(files.path("folder"));
  for (const auto& name :
       {files.path("missing.yaml"), files.path("folder"), files.path("folder") + "/x/y"}) {
    auto by_flag = load_with(serve_and({"--config", name}));
    ASSERT_EQ(by_flag.mistakes.size(), 1u) << name;
    EXPECT_NE(by_flag.mistakes[0].find("the configuration file: reading: " + name),
              std::string::npos)
        << by_flag.mistakes[0];
    auto by_variable = load_with(serve_and({}), {{"NCPS_CONFIG_FILE", name}});
    EXPECT_EQ(by_variable.mistakes, by_flag.mistakes);
  }
}

// Root reads everything: for as long as this lives the process is nobody, who may enter `folder`.
class NotRoot {
 public:
  explicit NotRoot(const std::filesystem::path& folder) {
    if (was_ != 0) return;
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    EXPECT_EQ(::seteuid(65534), 0);
  }
  ~NotRoot() {
    if (was_ == 0) EXPECT_EQ(::seteuid(0), 0);
  }

 private:
  uid_t was_ = ::geteuid();
};

TEST_F(ConfigFile, OneThatMayNotBeReadIsAMistake) {
  auto name = files.write("closed.yaml", "");
  std::filesystem::permissions(name, std::filesystem::perms::none);
  NotRoot somebody(files.path(""));
  EXPECT_EQ(load_with(serve_and({"--config", name})).mistakes.size(), 1u);
}

TEST_F(ConfigFile, TheDefaultOneNeedNotBeThere) {
  for (const auto& variables : {Variables{}, Variables{{"HOME", files.path("no-home")}},
                                Variables{{"XDG_CONFIG_HOME", files.path("none")}},
                                Variables{{"HOME", files.write("a-file", "")}}}) {
    auto loaded = load_with(serve_and({}), variables);
    EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
  }
}

TEST_F(ConfigFile, TheDefaultOneIsNotThereIfItsFolderIsClosedToUs) {
  files.write("xdg/ncps/config.yaml", "nonsense");
  auto folder = files.path("xdg/ncps");
  std::filesystem::permissions(folder, std::filesystem::perms::none);
  auto loaded = [&] {
    NotRoot somebody(files.path(""));
    return load_with(serve_and({}), {{"XDG_CONFIG_HOME", files.path("xdg")}});
  }();
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
}

TEST_F(ConfigFile, TheDefaultOneIsAMistakeIfItIsAFolder) {
  std::filesystem::create_directories(files.path("xdg/ncps/config.yaml"));
  auto loaded = load_with(serve_and({}), {{"XDG_CONFIG_HOME", files.path("xdg")}});
  EXPECT_EQ(loaded.mistakes.size(), 1u);
}

TEST_F(ConfigFile, ASecondDocumentIsRefusedAndNotPassedOver) {
  expect_mistake("two.yaml", "log: {level: debug}\n---\nserver: {addr: ':1'}\n", 3,
                 "second document");
}

// The library's LoadAll finds one empty document after the other there, until memory is full.
TEST_F(ConfigFile, ABracketTooManyIsRefusedAtOnce) {
  expect_mistake("stray.yaml", "'log'\n]\n", 2, "illegal flow end");
  expect_mistake("stray.json", "{\"log\": {}}\n}\n", 2, "illegal flow end");
  expect_mistake("comma.yaml", "'x', 2.5]\n[cache]\nd = 1\n", 1, "second document");
}

TEST_F(ConfigFile, WhatRefersToItselfOrGrowsByReferencesIsRefused) {
  expect_mistake("cycle.yaml", "a: &a {b: *a}\n", 1, "refers to itself");
  std::string bomb = "a0: &a0 {x: {}}\n";
  for (int i = 1; i <= 8; ++i) {
    auto last = "*a" + std::to_string(i - 1);
    bomb += fmt::format("a{}: &a{} {{", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("k{}: {}, ", j, last);
    bomb += "}\n";
  }
  auto said = lines(with("bomb.yaml", bomb).mistakes);
  EXPECT_TRUE(said.contains("too deeply")) << said;
}

TEST_F(ConfigFile, TheDefaultOneLiesInXdgConfigHomeOrElseInDotConfig) {
  files.write("xdg/ncps/config.yaml", "log: {level: debug}\n");
  files.write("home/.config/ncps/config.yaml", "log: {level: error}\n");
  auto named = files.write("named.yaml", "log: {level: trace}\n");
  Variables both = {{"XDG_CONFIG_HOME", files.path("xdg")}, {"HOME", files.path("home")}};
  auto level = [](const Loaded& loaded) { return loaded.options.log_level; };
  EXPECT_EQ(level(load_with(serve_and({}), both)), log::Level::debug);
  both["XDG_CONFIG_HOME"] = "";
  EXPECT_EQ(level(load_with(serve_and({}), both)), log::Level::error);
  both.erase("XDG_CONFIG_HOME");
  EXPECT_EQ(level(load_with(serve_and({}), both)), log::Level::error);
  both["NCPS_CONFIG_FILE"] = named;
  EXPECT_EQ(level(load_with(serve_and({}), both)), log::Level::trace);
  auto other = files.write("other.toml", "log.level = 'fatal'");
  EXPECT_EQ(level(load_with(serve_and({"--config=" + other}), both)), log::Level::fatal);
}

TEST_F(ConfigFile, AWrongDefaultOneIsAMistakeAllTheSame) {
  files.write("xdg/ncps/config.yaml", "log: {leevl: debug}\n");
  auto loaded = load_with(serve_and({}), {{"XDG_CONFIG_HOME", files.path("xdg")}});
  ASSERT_EQ(loaded.mistakes.size(), 1u);
  EXPECT_NE(loaded.mistakes[0].find("log.level"), std::string::npos);
}

TEST_F(ConfigFile, AMalformedOneIsTheOnlyMistakeSinceItMayHoldTheRest) {
  auto loaded = with("m.yaml", "cache: [\n");
  EXPECT_EQ(loaded.mistakes.size(), 1u) << lines(loaded.mistakes);
}

}  // namespace
}  // namespace ncps::config
