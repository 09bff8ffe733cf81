// What is wrong with values: each mistake named with flag, origin, value and what would be right.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/documents.h"
#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;

struct Bad {
  std::string flag, value, why;
};

// For every kind of value what it is not, with a piece of the message.
std::vector<Bad> bad_values() {
  std::vector<Bad> out = {
      {"--log-level", "loud", "is no level; write trace, debug"},
      {"--log-level", "INFO", "is no level"},
      {"--server-addr", "8501", "is no address to listen on"},
      {"--server-addr", ":65536", "is no address to listen on"},
      {"--server-addr", "::1:80", "is no address to listen on"},
      {"--server-addr", "unix:relative", "is no address to listen on"},
      {"--cache-hostname", "https://cache.example", "has a scheme"},
      {"--cache-hostname", "cache.example/x", "has a path"},
      {"--cache-hostname", "cache.example:80", "':' or white space"},
      {"--cache-hostname", "a b", "':' or white space"},
      {"--cache-upstream-url", "ftp://a", "is no http:// or https:// URL"},
      {"--cache-upstream-url", "cache.nixos.org", "is no http:// or https:// URL"},
      {"--cache-upstream-url", "http://", "names no host"},
      {"--cache-upstream-url", "http://a?priority=x", "priority is no number"},
      {"--cache-upstream-public-key", "short", "name:base64"},
      {"--cache-upstream-public-key", "name:AAAA", "wrong number of bytes"},
      {"--cache-trusted-upload-key", "short", "name:base64"},
      {"--cache-upstream-mode", "online", "is no mode; write auto or offline"},
      {"--cache-upstream-redirects", "private", "write same-host, public or any"},
      {"--cache-prefetch", "nars", "write nar, narinfo or off"},
      {"--cache-negative-ttl", "soon", "is no duration"},
      {"--server-drain-delay", "soon", "is no duration"},
      {"--cache-upstream-dialer-timeout", "0s", "longer than 0"},
      {"--cache-upstream-response-header-timeout", "0", "longer than 0"},
      {"--netrc-file", "/no/such/netrc", "cannot be read"},
      {"--cache-secret-key-path", "/no/such/key", "cannot be read"},
      {"--cache-database-url", "oracle://h/d", "none of sqlite, postgresql and mysql"},
      {"--cache-database-url", "/path/to/db", "has no scheme; write sqlite:"},
      {"--cache-database-url", "sqlite:", "names no file"},
      {"--cache-lru-schedule-timezone", "Mars/Base", "time zone that"},
      {"--cache-lru-schedule", "CRON_TZ=Mars/Base @daily", "time zone that"},
      {"--cache-lock-backend", "postgres", "write local or redis"},
  };
  for (const auto& option : option_table()) {
    if (option.effect == Effect::none) continue;
    std::string flag(option.flag);
    switch (option.kind) {
      case Kind::flag:
        for (auto bad : {"yes", "on", "tRUE", "2", "true "})
          out.push_back({flag, bad, "is neither true nor false"});
        break;
      case Kind::size:
        for (auto bad : {"10", "G", "-1G", "ten", "10 Gigs"})
          out.push_back({flag, bad, "is no size"});
        out.push_back({flag, "99999999P", "is too large"});
        break;
      case Kind::duration:
        for (auto bad : {"3", "s", "-3s", "3 days"}) out.push_back({flag, bad, "is no duration"});
        out.push_back({flag, "9999999999h", "is too long"});
        break;
      case Kind::count:
        for (auto bad : {"-1", "1.5", "x", "1000001", "99999999999999999999", "0x10", "+1", " 1"})
          out.push_back({flag, bad, "is no whole number"});
        break;
      case Kind::cron:
        for (auto bad : {"* * * *", "@often", "@every x"}) out.push_back({flag, bad, ""});
        out.push_back({flag, "61 * * * *", "the minute goes, from 0 to 59"});
        break;
      case Kind::text:
      case Kind::path:
      case Kind::list: break;
    }
  }
  return out;
}

const OptionSpec& spec(std::string_view flag) {
  return *std::ranges::find(option_table(), flag, &OptionSpec::flag);
}

void expect_said(const Loaded& loaded, const std::string& origin, const Bad& bad, bool by_flag) {
  auto said = lines(loaded.mistakes);
  bool secret = spec(bad.flag).secret == Secret::yes;
  auto start = origin + ": " + (by_flag ? "" : bad.flag + " ") + (secret ? "" : "'" + bad.value);
  auto found = std::ranges::find_if(loaded.mistakes, [&](const auto& m) {
    return m.starts_with(start) || (bad.value.contains('?') && m.starts_with(origin));
  });
  ASSERT_NE(found, loaded.mistakes.end()) << start << "\n" << said;
  EXPECT_NE(found->find(bad.why), found->npos) << said;
  if (!secret && !bad.value.contains('?'))
    EXPECT_NE(found->find("'" + bad.value + "' "), found->npos) << said;
}

TEST(Mistakes, EveryBadValueIsNamedWithItsFlag) {
  for (const auto& bad : bad_values())
    expect_said(load_with({"serve", bad.flag + "=" + bad.value}), bad.flag, bad, true);
}

TEST(Mistakes, EveryBadValueIsNamedWithItsVariable) {
  for (const auto& bad : bad_values()) {
    std::string env(spec(bad.flag).env);
    if (env.empty()) continue;
    expect_said(load_with({"serve"}, {{env, bad.value}}), "the variable " + env, bad, false);
  }
}

TEST(Mistakes, EveryBadValueIsNamedWithFileAndLine) {
  Files files;
  for (const auto& bad : bad_values()) {
    std::string key(spec(bad.flag).key);
    if (key.empty()) continue;
    auto path = files.write("c.yaml", "# a file\n\n" + key + ": \"" + bad.value + "\"\n");
    expect_said(load_with({"serve", "--config", path}), path + " line 3", bad, false);
  }
}

TEST(Mistakes, OneMistakeIsSaidOnce) {
  for (const auto& bad : bad_values()) {
    auto arguments = serve_and({"--cache-max-size=1G", bad.flag + "=" + bad.value});
    std::erase(arguments, "--cache-upstream-url=https://cache.nixos.org");
    if (bad.flag != "--cache-upstream-url") arguments.push_back("--cache-upstream-url=http://a");
    auto loaded = load_with(arguments);
    EXPECT_EQ(loaded.mistakes.size(), 1u) << bad.flag << "=" << bad.value << "\n"
                                          << lines(loaded.mistakes);
  }
}

TEST(Mistakes, AllOfOneStartComeTogether) {
  Files files;
  auto config = files.write("c.yaml", "log:\n  level: loud\nhostname: x\n");
  auto loaded = load_with({"serve", "--cache-sign-narinfo=maybe", "--config", config,
                           "--cache-upstream-url=ftp://a,ftp://b"},
                          {{"SERVER_ADDR", "nonsense"}, {"CACHE_MAX_SIZE", "10"}});
  auto said = lines(loaded.mistakes);
  for (const auto& wanted :
       {std::string("--cache-sign-narinfo: 'maybe' "), config + " line 2: --log-level 'loud' ",
        config + " line 3: there is no key 'hostname'", std::string("'ftp://a'"),
        std::string("'ftp://b'"),
        std::string("the variable SERVER_ADDR: --server-addr 'nonsense' "),
        std::string("the variable CACHE_MAX_SIZE: --cache-max-size '10' "),
        std::string("--cache-hostname is missing"),
        std::string("--cache-storage-local is missing")})
    EXPECT_NE(said.find(wanted), said.npos) << wanted << "\n" << said;
  EXPECT_EQ(loaded.mistakes.size(), 9u) << said;
  EXPECT_FALSE(
      std::ranges::any_of(loaded.mistakes, [](const auto& m) { return m.contains('\n'); }));
}

TEST(Mistakes, IsOneLineWhateverTheValueHolds) {
  for (const auto& option : option_table()) {
    if (option.flag == "--config") continue;
    auto loaded = load_with({"serve", std::string(option.flag) + "=a\nb\rc\x1b[1m"});
    for (const auto& line : loaded.mistakes)
      EXPECT_EQ(line.find_first_of("\n\r\x1b"), line.npos) << option.flag << ": " << line;
    EXPECT_EQ(show(loaded.values).find_first_of("\r\x1b"), std::string::npos) << option.flag;
  }
}

TEST(Mistakes, AnOverriddenValueDoesNotCount) {
  auto loaded = load_with(serve_and({"--server-addr=:1"}),
                          {{"SERVER_ADDR", "nonsense"}, {"CACHE_HOSTNAME", "a/b"}});
  EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
}

// A password in whatever place people put one.
constexpr auto kPlanted = "hunter2";
const std::vector<std::string> kUrls = {
    "https://u:hunter2@host/x",
    "https://hunter2@host",
    "https://u:hun/hunter2@host",
    "https://u:a#hunter2@host",
    "https://u:a?hunter2@host",
    "ftp://u:hunter2@host",
    "u:hunter2@host",
    "https://u:a@hunter2@host",
    "https://u:hunter2@host:99999",
    "https://host/x?token=hunter2",
    "https://host/x#hunter2",
    "postgresql://u:hun/hunter2@h/d",
    "mysql://u:hunter2@h:3306/d",
    "oracle://u:hunter2@h/d",
    "sqlite:/x?key=hunter2",
    "http://[u:hunter2@host",
    "https://u:hunter2@",
    "HTTPS://U:hunter2@HOST/x y",
};

TEST(Mistakes, NoPasswordOfAUrlIsSaidOrShownWhicheverOptionHasIt) {
  Files files;
  unsigned turn = 0;
  for (const auto& option : option_table()) {
    if (option.flag == "--config" || option.kind == Kind::path) continue;
    for (const auto& url : kUrls) {
      bool database = option.flag == "--cache-database-url";
      if (!database && url.starts_with("sqlite:")) continue;  // a path like any other
      std::vector<Loaded> starts;
      // In turn by each of the three ways: together they would take minutes.
      auto way = turn++ % 3;
      if (way == 0 || option.env.empty() || option.key.empty())
        starts.push_back(load_with({"serve", std::string(option.flag) + "=" + url}));
      if (way == 1 && !option.env.empty())
        starts.push_back(load_with({"serve"}, {{std::string(option.env), url}}));
      if (way == 2 && !option.key.empty())
        starts.push_back(
            load_with({"serve", "--config",
                       files.write("c.yaml", std::string(option.key) + ": \"" + url + "\"\n")}));
      for (const auto& loaded : starts)
        EXPECT_EQ((all_words(loaded) + show(loaded.values)).find(kPlanted), std::string::npos)
            << option.flag << " " << url << "\n"
            << all_words(loaded) << show(loaded.values);
    }
  }
}

TEST(Mistakes, NoSecretIsSaidOrShown) {
  Files files;
  for (const auto& option : option_table()) {
    if (option.secret == Secret::no) continue;
    for (const std::string secret : {"hunter2", "hunter2 with space", "hunter2:x", "hunter2/x"}) {
      std::string flag(option.flag), env(option.env), key(option.key);
      for (const auto& loaded :
           {load_with(serve_and({flag + "=" + secret})), load_with({"serve"}, {{env, secret}}),
            load_with({"serve", "--config", files.write("c.yaml", key + ": '" + secret + "'\n")})})
        EXPECT_EQ((all_words(loaded) + show(loaded.values)).find(kPlanted), std::string::npos)
            << flag << " " << secret << "\n"
            << all_words(loaded) << show(loaded.values);
    }
  }
}

// A secret key where a public one, or a path, belongs is a slip that happens.
TEST(Mistakes, NoSecretKeyIsSaidOrShownWhereverItStands) {
  auto key = nix::SecretKey::generate("k").value().str();
  auto secret = key.substr(2, 30);
  for (const auto& option : option_table()) {
    if (option.flag == "--config") continue;
    auto loaded = load_with(serve_and({std::string(option.flag) + "=" + key}));
    EXPECT_EQ((all_words(loaded) + show(loaded.values)).find(secret), std::string::npos)
        << option.flag << "\n"
        << all_words(loaded) << show(loaded.values);
  }
}

TEST(Mistakes, NoSecretOfAMalformedFileIsSaid) {
  Files files;
  struct {
    std::string name, text;
  } rows[] = {{"a.yaml", "cache.redis.password: *hunter2\n"},
              {"a.yaml", "cache.redis.password: hunter2: x\n"},
              {"a.yaml", "cache.redis.password: !hunter2 x: y\n"},
              {"a.yaml", "cache.redis.password: %hunter2\n"},
              {"a.yaml", "cache.redis.password: \"hunter2\\q\"\n"},
              {"a.yaml", "cache.redis.password: @hunter2\n"},
              {"a.yaml", "cache.redis.password: `hunter2\n"},
              {"a.yaml", "cache.redis.password: [hunter2\n"},
              {"a.yaml", "cache.redis.password: &hunter2 &hunter2 x\n"},
              {"a.yaml", "cache.redis.password: |hunter2\n"},
              {"a.toml", "cache.redis.password = hunter2\n"},
              {"a.toml", "cache.redis.password = 'hunter2\n"},
              {"a.toml", "cache.redis.password = \"hunter2\\q\"\n"},
              {"a.toml", "cache.redis.password = [hunter2]\n"},
              {"a.toml", "cache.redis.password = 'a' hunter2\n"},
              {"a.toml", "cache.redis.password = 'hunter2'\ncache.redis.password = 'hunter2'\n"},
              {"a.json", "{\"cache.redis.password\": \"hunter2}"},
              {"a.json", "{\"cache.redis.password\": hunter2 {}"},
              {"a.yaml", "cache.redis.password: [[hunter2]]\n"},
              {"a.yaml", "cache.redis.password: [{hunter2: x}]\n"}};
  for (const auto& row : rows) {
    auto loaded = load_with({"serve", "--config", files.write(row.name, row.text)});
    auto said = all_words(loaded);
    EXPECT_EQ(said.find(kPlanted), said.npos) << row.text << said;
    EXPECT_FALSE(loaded.mistakes.empty()) << row.text;
  }
  auto digits = std::string(30, '4');  // too many for a number
  auto loaded =
      load_with({"serve", "--config", files.write("n.toml", "cache.redis.password = " + digits)});
  EXPECT_EQ(all_words(loaded).find(digits), std::string::npos) << all_words(loaded);
}

TEST(Mistakes, AKeyFileIsReadAtStartAndNothingOfItIsSaid) {
  Files files;
  auto key = nix::SecretKey::generate("cache.example-1").value();
  auto good = load_with(
      serve_and({"--cache-secret-key-path", files.write_private("good", key.str() + "\n")}));
  ASSERT_TRUE(good.mistakes.empty()) << lines(good.mistakes);
  ASSERT_EQ(good.options.secret_keys.size(), 1u);
  EXPECT_EQ(good.options.secret_keys[0].public_key(), key.public_key());
  std::filesystem::create_directory(files.path("folder"));
  for (const auto& text :
       {std::string("hunter2"), std::string(), "k:" + std::string(8, 'A') + "hunter2",
        key.str() + "hunter2", key.public_key().str()}) {
    auto path = files.write_private("bad", text);
    auto bad = load_with(serve_and({"--cache-secret-key-path", path}));
    ASSERT_EQ(bad.mistakes.size(), 1u) << text;
    EXPECT_TRUE(
        bad.mistakes[0].starts_with("--cache-secret-key-path: '" + path + "' holds no signing key"))
        << bad.mistakes[0];
    EXPECT_EQ(bad.mistakes[0].find(kPlanted), std::string::npos) << bad.mistakes[0];
  }
  auto folder = load_with(serve_and({"--cache-secret-key-path", files.path("folder")}));
  EXPECT_NE(lines(folder.mistakes).find("cannot be read"), std::string::npos)
      << lines(folder.mistakes);
}

TEST(Mistakes, AKeyFileThatEverybodyCanReadIsRefused) {
  Files files;
  auto key = nix::SecretKey::generate("c").value();
  auto loaded = load_with(serve_and({"--cache-secret-key-path", files.write("open", key.str())}));
  EXPECT_NE(lines(loaded.mistakes).find("can be read by everybody"), std::string::npos)
      << lines(loaded.mistakes);
}

TEST(Mistakes, TwoKeysOfOneNameAreRefused) {
  Files files;
  auto a = nix::SecretKey::generate("c").value(), b = nix::SecretKey::generate("c").value();
  auto loaded =
      load_with(serve_and({"--cache-secret-key-path", files.write_private("a", a.str()),
                           "--cache-secret-key-path", files.write_private("b", b.str())}));
  EXPECT_NE(lines(loaded.mistakes).find("same name, 'c'"), std::string::npos)
      << lines(loaded.mistakes);
}

}  // namespace
}  // namespace ncps::config
