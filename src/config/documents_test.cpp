#include "config/documents.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

#include "config/config_file.h"
#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;

// The sample file with every value in force.
std::string example_without_comments() {
  std::istringstream in(example_yaml());
  std::string out;
  for (std::string line; std::getline(in, line);) {
    auto hash = line.find("# ");
    auto colon = line.find(": ");
    bool value = hash != line.npos && hash == line.find_first_not_of(' ') && colon != line.npos &&
                 line.substr(hash + 2, colon - hash - 2)
                         .find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == line.npos &&
                 !line.ends_with('.');
    if (value) line.erase(hash, 2);
    out += line + "\n";
  }
  return out;
}

TEST(Example, AsItStandsItSetsNothing) {
  EXPECT_TRUE(parse_yaml(example_yaml()).value().empty());
}

TEST(Example, UncommentedItHasEveryKeyOnceWithItsDefault) {
  auto entries = parse_yaml(example_without_comments());
  ASSERT_TRUE(entries) << entries.error().what() << example_without_comments();
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& entry : *entries)
    EXPECT_TRUE(values.emplace(entry.key, entry.values).second) << entry.key;
  std::size_t keys = 0;
  for (const auto& option : option_table()) {
    if (option.key.empty() || option.effect == Effect::none) continue;
    ++keys;
    auto it = values.find(std::string(option.key));
    ASSERT_NE(it, values.end()) << option.key;
    if (option.kind == Kind::list) {
      EXPECT_EQ(fmt::format("{}", fmt::join(it->second, ",")), option.fallback) << option.key;
    } else {
      EXPECT_EQ(it->second, std::vector{std::string(option.fallback)}) << option.key;
    }
  }
  EXPECT_EQ(values.size(), keys);
}

TEST(Example, UncommentedItChangesNothing) {
  Files files;
  auto loaded =
      load_with(serve_and({"--config", files.write("c.yaml", example_without_comments())}));
  EXPECT_EQ(all_words(loaded), "");
  auto plain = load_with(serve_and({}));
  for (const auto& [flag, value] : loaded.values)
    if (flag != "--config") EXPECT_EQ(value.values, plain.values[flag].values) << flag;
}

TEST(Reference, NamesEveryOptionWithVariableKeyAndDefault) {
  auto text = reference_markdown();
  for (const auto& option : option_table()) {
    auto row = text.find("\n| `" + std::string(option.flag) + "` |");
    ASSERT_NE(row, text.npos) << option.flag;
    auto line = text.substr(row + 1, text.find('\n', row + 1) - row - 1);
    for (auto name : {option.env, option.key, option.fallback, option.help})
      if (!name.empty()) EXPECT_NE(line.find(name), line.npos) << name << "\n" << line;
    EXPECT_EQ(std::ranges::count(line, '|'), 7) << "six columns: " << line;
  }
  for (const auto& old : old_names())
    for (auto name : {old.flag, old.env, old.key})
      if (!name.empty()) EXPECT_NE(text.find("| `" + std::string(name) + "` |"), text.npos) << name;
}

TEST(Show, SaysWhatCountsAndWhereItIsFrom) {
  Files files;
  auto config = files.write("c.yaml", "server:\n  addr: :9000\n");
  auto text = show(load_with(serve_and({"--config", config, "--cache-upstream-url=http://a@b/c"}),
                             {{"LOG_LEVEL", "debug"}})
                       .values);
  for (const auto& line :
       {std::string("cache.hostname = cache.example  (--cache-hostname)\n"),
        std::string("log.level = debug  (the variable LOG_LEVEL)\n"),
        "server.addr = :9000  (" + config + " line 2)\n",
        std::string("cache.lock.backend = local  (the default)\n"),
        std::string("cache.upstream.urls = https://cache.nixos.org  (--cache-upstream-url)\n"),
        "--config = " + config})
    EXPECT_NE(text.find(line), text.npos) << line << text;
}

TEST(Show, MasksWhatIsSecretAndOnlyThat) {
  auto text =
      show(load_with(serve_and({"--cache-redis-password=hunter2", "--cache-get-token=hunter2",
                                "--cache-lru-schedule=@daily", "--cache-temp-path=/a@b/c?d#e",
                                "--cache-database-url=postgresql://u:hunter2@h/d?sslmode=disable",
                                "--cache-upstream-url=https://u:hunter2@h/x"}))
               .values);
  EXPECT_EQ(text.find("hunter2"), text.npos) << text;
  for (auto line : {"cache.redis.password = ********  (", "cache.get-token = ********  (",
                    "cache.lru.schedule = @daily  (", "cache.temp-path = /a@b/c?d#e  (",
                    "cache.database-url = postgresql://h/d  ("})
    EXPECT_NE(text.find(line), text.npos) << line << text;
  EXPECT_NE(text.find("https://h/x"), text.npos) << text;
}

// Runs a script and returns what it prints, with its exit status on the last line.
std::string run(const std::string& shell, const std::string& script) {
  Files files;
  auto path = files.write("script", script);
  auto command = shell + " '" + path + "' 2>&1; echo \"exit $?\"";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string out;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof buffer, pipe.get())) > 0;)
    out.append(buffer, got);
  return out;
}

std::string bash_choices(const std::string& words) {
  return run("bash", completions("bash") + "compopt() { :; }\nCOMP_WORDS=(" + words +
                         ")\nCOMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))\n_ncps\nprintf '%s\\n' "
                         "\"${COMPREPLY[@]}\"\n");
}

TEST(Completions, OfBashAreAScriptThatBashTakes) {
  EXPECT_EQ(run("bash -n", completions("bash")), "exit 0\n");
}

TEST(Completions, OfBashOfferFlagsCommandsAndShells) {
  auto has = [](const std::string& choices, const std::string& word) {
    return ("\n" + choices).contains("\n" + word + "\n");
  };
  auto serve = bash_choices("ncps serve ''");
  for (const auto& option : option_table()) {
    auto word = std::string(option.flag) + (option.kind == Kind::flag ? "" : "=");
    EXPECT_EQ(has(serve, word), option.effect != Effect::none) << word;
  }
  EXPECT_TRUE(serve.ends_with("exit 0\n")) << serve;
  EXPECT_TRUE(has(bash_choices("ncps ''"), "serve"));
  EXPECT_EQ(bash_choices("ncps serve --cache-hostn"), "--cache-hostname=\nexit 0\n");
  EXPECT_EQ(bash_choices("ncps config ch"), "check\nexit 0\n");
  EXPECT_EQ(bash_choices("ncps completion z"), "zsh\nexit 0\n");
  EXPECT_EQ(bash_choices("ncps --log-level=debug s"), "serve\nstats\nexit 0\n");
}

TEST(Completions, OfTheOtherShellsNameEveryFlag) {
  auto zsh = completions("zsh"), fish = completions("fish");
  for (const auto& option : option_table()) {
    if (option.effect == Effect::none) continue;
    auto name = std::string(option.flag);
    EXPECT_NE(zsh.find(name + (option.kind == Kind::flag ? "[" : "=[")), zsh.npos) << name;
    EXPECT_NE(fish.find(" -l " + name.substr(2) + " "), fish.npos) << name;
  }
}

TEST(Completions, OfTheOtherShellsAreScriptsThatTheyTake) {
  for (const std::string shell : {"zsh", "fish"}) {
    EXPECT_EQ(run(shell + " -n", completions(shell)), "exit 0\n");
  }
}

// Outside of quotes a stray one would swallow the rest of the script.
TEST(Completions, QuotesAreClosed) {
  for (auto shell : {"zsh", "fish"}) {
    std::istringstream in(completions(shell));
    for (std::string line; std::getline(in, line);) {
      std::size_t quotes = 0;
      for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '\'')
          ++i;
        else if (line[i] == '\'')
          ++quotes;
      }
      EXPECT_EQ(quotes % 2, 0u) << shell << ": " << line;
    }
  }
}

}  // namespace
}  // namespace ncps::config
