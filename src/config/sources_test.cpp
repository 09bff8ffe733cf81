// Where values come from: flag, variable, file, default; lists; old names.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

Texts default_of(const OptionSpec& option) {
  Texts values;
  std::string all(option.fallback);
  if (all.empty()) return values;
  if (option.kind != Kind::list) return {all};
  std::istringstream in(all);
  for (std::string one; std::getline(in, one, ',');) values.push_back(one);
  return values;
}

// Two values that an option may have, neither of them its default.
std::pair<std::string, std::string> samples(const OptionSpec& option) {
  if (option.flag == "--log-level") return {"debug", "error"};
  switch (option.kind) {
    case Kind::text: return {"some text", "other: \"text\" # \\ 'x'"};
    case Kind::path: return {"/some/path", "/other/pa th"};
    case Kind::list: return {"one", "two"};
    case Kind::flag:
      return option.fallback == "true" ? std::pair("false", "F") : std::pair("true", "T");
    case Kind::size: return {"10G", "1.5T"};
    case Kind::duration: return {"7s", "1h30m"};
    case Kind::count: return {"7", "8"};
    case Kind::cron: return {"0 2 * * *", "@every 1h"};
  }
  return {};
}

std::string in_quotes(const std::string& value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// {"a": {"b": value}}, without white space, or with line ends and tabs.
std::string json(std::string_view key, const std::string& value, bool pretty) {
  std::string out, end;
  for (auto rest = key;;) {
    auto dot = rest.find('.');
    out += std::string("{") + (pretty ? "\n\t" : "") + in_quotes(std::string(rest.substr(0, dot))) +
           (pretty ? ": " : ":");
    end += pretty ? "\n}" : "}";
    if (dot == rest.npos) return out + value + end;
    rest.remove_prefix(dot + 1);
  }
}

std::string yaml(std::string_view key, const std::string& value) {
  std::string out;
  std::size_t depth = 0;
  for (auto rest = key;;) {
    auto dot = rest.find('.');
    out += std::string(2 * depth++, ' ') + std::string(rest.substr(0, dot)) + ":";
    if (dot == rest.npos) return out + " " + value + "\n";
    out += "\n";
    rest.remove_prefix(dot + 1);
  }
}

std::string toml(std::string_view key, const std::string& value) {
  auto dot = key.rfind('.');
  if (dot == key.npos) return std::string(key) + " = " + value + "\n";
  return "[" + std::string(key.substr(0, dot)) + "]\n" + std::string(key.substr(dot + 1)) + " = " +
         value + "\n";
}

struct Sources : ::testing::Test {
  Files files;

  // The texts of one option after a start, and where they are from.
  RawValue value_of(const OptionSpec& option, Arguments arguments,
                    const Variables& variables = {}) {
    arguments.insert(arguments.begin(), "serve");
    auto loaded = load_with(arguments, variables);
    auto it = loaded.values.find(option.flag);
    return it == loaded.values.end() ? RawValue{} : it->second;
  }
  RawValue in_file(const OptionSpec& option, const std::string& name, const std::string& text) {
    return value_of(option, {"--config=" + files.write(name, text)});
  }
  // A value as a file's language writes it: numbers and truth bare.
  static std::string written(const OptionSpec& option, const std::string& value) {
    if (option.kind == Kind::list) return "[" + in_quotes(value) + "]";
    bool bare = option.kind == Kind::count || value == "true" || value == "false";
    return bare ? value : in_quotes(value);
  }
};

TEST_F(Sources, FlagVariableYamlTomlAndJsonSayTheSame) {
  for (const auto& option : option_table()) {
    if (option.flag == "--config") continue;
    auto [first, second] = samples(option);
    for (const auto& value : {first, second}) {
      Texts want = {value};
      std::string flag(option.flag), env(option.env), key(option.key);
      EXPECT_EQ(value_of(option, {flag + "=" + value}).values, want) << flag;
      EXPECT_EQ(value_of(option, {flag + "=" + value}).origin, flag);
      if (option.kind != Kind::flag)
        EXPECT_EQ(value_of(option, {flag, value}).values, want) << flag;
      if (!env.empty()) {
        auto got = value_of(option, {}, {{env, value}});
        EXPECT_EQ(got.values, want) << env;
        EXPECT_EQ(got.origin, "the variable " + env);
      }
      if (key.empty()) continue;
      auto text = written(option, value);
      struct {
        std::string name, text;
      } documents[] = {{"a.yaml", yaml(key, text)},       {"b.yml", yaml(key, in_quotes(value))},
                       {"c.toml", toml(key, text)},       {"d.toml", key + " = " + text},
                       {"e.json", json(key, text, true)}, {"f.json", json(key, text, false)},
                       {"g", json(key, text, true)}};
      for (const auto& document : documents) {
        auto got = in_file(option, document.name, document.text);
        EXPECT_EQ(got.values, want) << document.name << ": " << document.text;
        EXPECT_TRUE(got.origin.starts_with(files.path(document.name) + " line ")) << got.origin;
      }
    }
  }
}

TEST_F(Sources, FlagGoesBeforeVariableBeforeFileBeforeDefault) {
  for (const auto& option : option_table()) {
    if (option.env.empty() || option.key.empty()) continue;
    auto [high, low] = samples(option);
    auto config = "--config=" + files.write("c.yaml", yaml(option.key, written(option, low)));
    std::string env(option.env), flag = std::string(option.flag) + "=" + high;
    EXPECT_EQ(value_of(option, {config, flag}, {{env, low}}).values, Texts{high}) << option.flag;
    EXPECT_EQ(value_of(option, {flag}, {{env, low}}).values, Texts{high}) << option.flag;
    EXPECT_EQ(value_of(option, {config}, {{env, high}}).values, Texts{high}) << option.flag;
    EXPECT_EQ(value_of(option, {config}).values, Texts{low}) << option.flag;
    auto alone = value_of(option, {});
    if (option.fallback.empty()) {
      EXPECT_TRUE(alone.values.empty()) << option.flag;
    } else {
      EXPECT_EQ(alone.values, default_of(option));
      EXPECT_EQ(alone.origin, "the default");
    }
  }
}

// Set-ups are made of templates, which leave empty what nobody filled in.
TEST_F(Sources, WhatIsEmptyIsNotGiven) {
  for (const auto& option : option_table()) {
    if (option.flag == "--config") continue;
    Texts want = default_of(option);
    std::string flag(option.flag), key(option.key);
    EXPECT_EQ(value_of(option, {flag + "="}).values, want) << flag;
    if (option.kind != Kind::flag) EXPECT_EQ(value_of(option, {flag, ""}).values, want) << flag;
    if (!option.env.empty())
      EXPECT_EQ(value_of(option, {}, {{std::string(option.env), ""}}).values, want) << option.env;
    if (key.empty()) continue;
    for (auto nothing : {"\"\"", "[]", "[\"\"]", "null", "~", ""})
      EXPECT_EQ(in_file(option, "a.yaml", yaml(key, nothing)).values, want)
          << key << ": " << nothing;
    for (auto nothing : {"\"\"", "[]", "[\"\"]"})
      EXPECT_EQ(in_file(option, "a.toml", toml(key, nothing)).values, want)
          << key << ": " << nothing;
  }
}

TEST_F(Sources, TheEmptyLeavesTheWayFreeForWhatComesAfterIt) {
  for (const auto& option : option_table()) {
    if (option.env.empty() || option.key.empty()) continue;
    auto value = samples(option).first;
    auto config = "--config=" + files.write("c.yaml", yaml(option.key, written(option, value)));
    std::string env(option.env), flag(option.flag);
    EXPECT_EQ(value_of(option, {config, flag + "="}, {{env, ""}}).values, Texts{value}) << flag;
  }
}

TEST_F(Sources, AFlagAloneIsTrueAndTheLastOfSeveralCounts) {
  for (const auto& option : option_table()) {
    if (option.flag == "--config") continue;
    std::string flag(option.flag);
    auto [one, two] = samples(option);
    if (option.kind == Kind::flag)
      EXPECT_EQ(value_of(option, {flag}).values, Texts{"true"}) << flag;
    if (option.kind != Kind::list)
      EXPECT_EQ(value_of(option, {flag + "=" + one, flag + "=" + two}).values, Texts{two}) << flag;
  }
}

TEST_F(Sources, ListsRepeatOrTakeCommasOrAreNative) {
  for (const auto& option : option_table()) {
    if (option.kind != Kind::list) continue;
    std::string flag(option.flag), env(option.env), key(option.key);
    Texts want = {"a", "b", "c"};
    EXPECT_EQ(value_of(option, {flag + "=a", flag, "b", flag + "=c"}).values, want) << flag;
    EXPECT_EQ(value_of(option, {flag + "=a,b", flag + "=c"}).values, want) << flag;
    EXPECT_EQ(value_of(option, {flag + "=,a,,b,", flag, "", flag + "=", flag + "=c"}).values, want);
    EXPECT_EQ(value_of(option, {}, {{env, "a,b,c"}}).values, want) << env;
    EXPECT_EQ(value_of(option, {}, {{env, ",a,,b,c,"}}).values, want) << env;
    EXPECT_EQ(value_of(option, {}, {{env, " a, b ,\n c\n"}}).values, want) << env;
    EXPECT_EQ(in_file(option, "l.yaml", yaml(key, "[a, b, c]")).values, want);
    EXPECT_EQ(in_file(option, "l.yaml",
                      yaml(key, "\n              - a\n              - b\n              - c"))
                  .values,
              want);
    EXPECT_EQ(in_file(option, "l.yaml", yaml(key, "a,b,c")).values, want);
    EXPECT_EQ(in_file(option, "l.yaml", yaml(key, "[\"a,b\", \"\", c]")).values, want);
    EXPECT_EQ(in_file(option, "l.toml", toml(key, "['a', 'b',\n 'c']")).values, want);
    EXPECT_EQ(in_file(option, "l.toml", toml(key, "'a, b, c'")).values, want);
    EXPECT_EQ(in_file(option, "l.json", json(key, R"(["a","b","c"])", false)).values, want);
    EXPECT_EQ(value_of(option, {flag + "=x"}, {{env, "a,b"}}).values, Texts{"x"}) << "not both";
  }
}

TEST_F(Sources, ValuesAreTakenAsTheyStand) {
  const auto& option = *std::ranges::find(option_table(), "--otel-grpc-url", &OptionSpec::flag);
  for (const std::string value : {"[a,b]", "[a]", "{}", "%%", "\"x\"", "'x'", "a=b=", "-x", "--x",
                                  "--", "a,b", " x ", "$HOME", "ä", "[[a],[b]]", "true", "0x10"}) {
    EXPECT_EQ(value_of(option, {"--otel-grpc-url=" + value}).values, Texts{value}) << value;
    EXPECT_EQ(value_of(option, {}, {{"OTEL_GRPC_URL", value}}).values, Texts{value}) << value;
    if (!value.starts_with('-'))
      EXPECT_EQ(value_of(option, {"--otel-grpc-url", value}).values, Texts{value}) << value;
  }
  EXPECT_EQ(in_file(option, "a.json", json(option.key, R"("a\/\u0062\n\"")", false)).values,
            Texts{"a/b\n\""});
  EXPECT_EQ(in_file(option, "a.yaml", yaml(option.key, "\"~\"")).values, Texts{"~"});
  EXPECT_EQ(in_file(option, "a.yaml", yaml(option.key, "'null'")).values, Texts{"null"});
}

TEST_F(Sources, AListWhereOneValueGoesIsRefused) {
  for (const auto& option : option_table()) {
    if (option.kind == Kind::list || option.key.empty()) continue;
    auto config = files.write("l.yaml", yaml(option.key, "[\"1\", \"2\"]"));
    auto said = lines(load_with({"serve", "--config=" + config}).mistakes);
    EXPECT_NE(said.find(config + " line "), said.npos) << option.key << "\n" << said;
    EXPECT_NE(said.find("takes one value, not a list"), said.npos) << option.key << "\n" << said;
  }
}

struct OldNames : Sources {
  const OptionSpec& option(const OldName& old) {
    return *std::ranges::find(option_table(), old.now, &OptionSpec::flag);
  }
  // Warnings that name `origin`.
  static std::size_t warnings(const Loaded& loaded, std::string_view origin) {
    return static_cast<std::size_t>(std::ranges::count_if(loaded.warnings, [&](const auto& line) {
      return line.starts_with(origin) && line.contains(" is an old name");
    }));
  }
  // Arguments and variables that give `value` by the flag, the variable and the key.
  struct Way {
    Arguments arguments;
    Variables variables;
    std::string origin;
  };
  std::vector<Way> ways(std::string_view flag, std::string_view env, std::string_view key,
                        const std::string& value) {
    std::vector<Way> out;
    if (!flag.empty()) out.push_back({{std::string(flag) + "=" + value}, {}, std::string(flag)});
    if (!env.empty())
      out.push_back({{}, {{std::string(env), value}}, "the variable " + std::string(env)});
    if (!key.empty()) {
      auto path = files.write(std::string(key) + ".yaml", yaml(key, in_quotes(value)));
      out.push_back({{"--config=" + path}, {}, path + " line "});
    }
    return out;
  }
};

TEST_F(OldNames, EachWorksAloneAndSaysSoOnce) {
  for (const auto& old : old_names()) {
    auto value = old.now == "--cache-database-url" ? "sqlite:/x" : samples(option(old)).first;
    for (const auto& way : ways(old.flag, old.env, old.key, value)) {
      auto arguments = way.arguments;
      arguments.insert(arguments.begin(), "serve");
      auto loaded = load_with(arguments, way.variables);
      EXPECT_EQ(loaded.values[old.now].values, Texts{value}) << way.origin;
      EXPECT_TRUE(loaded.values[old.now].origin.starts_with(way.origin)) << way.origin;
      EXPECT_EQ(warnings(loaded, way.origin), old.note.empty() ? 1u : 0u) << way.origin;
      if (old.note.empty())
        EXPECT_NE(lines(loaded.warnings).find("write " + std::string(old.now)), std::string::npos);
    }
  }
}

TEST_F(OldNames, TheNewNameWinsWhereverBothStand) {
  for (const auto& old : old_names()) {
    const auto& now = option(old);
    auto [fresh, stale] = samples(now);
    for (const auto& a : ways(now.flag, now.env, now.key, fresh)) {
      for (const auto& b : ways(old.flag, old.env, old.key, stale)) {
        Arguments arguments = {"serve"};
        if (a.origin.contains(" line ") && b.origin.contains(" line ")) {
          arguments.push_back("--config=" +
                              files.write("both.json", "{\"" + std::string(now.key) +
                                                           "\":" + in_quotes(fresh) + ",\"" +
                                                           std::string(old.key) +
                                                           "\":" + in_quotes(stale) + "}"));
        } else {
          arguments.insert(arguments.end(), a.arguments.begin(), a.arguments.end());
          arguments.insert(arguments.end(), b.arguments.begin(), b.arguments.end());
        }
        auto variables = a.variables;
        variables.insert(b.variables.begin(), b.variables.end());
        auto loaded = load_with(arguments, variables);
        EXPECT_EQ(loaded.values[old.now].values, Texts{fresh}) << a.origin << " and " << b.origin;
      }
    }
  }
}

TEST_F(OldNames, ListsOfOldNamesAreLists) {
  auto loaded =
      load_with({"serve", "--upstream-cache=http://a,http://b", "--upstream-cache", "http://c"});
  EXPECT_EQ(loaded.values["--cache-upstream-url"].values,
            (Texts{"http://a", "http://b", "http://c"}));
  auto path = files.write("o.yaml", "cache:\n  upstream:\n    caches: [http://a, http://b]\n");
  loaded = load_with({"serve", "--config", path});
  EXPECT_EQ(loaded.values["--cache-upstream-url"].values, (Texts{"http://a", "http://b"}));
}

TEST_F(Sources, OptionsWithoutEffectGiveOneWarningEachAndNoMistake) {
  for (const auto& option : option_table()) {
    if (option.effect != Effect::none) continue;
    auto before = load_with(serve_and({}));
    auto loaded = load_with(serve_and({std::string(option.flag) + "=" + samples(option).first}));
    EXPECT_TRUE(loaded.mistakes.empty()) << lines(loaded.mistakes);
    EXPECT_EQ(loaded.warnings.size(), before.warnings.size() + 1) << option.flag;
    EXPECT_NE(lines(loaded.warnings).find(std::string(option.flag) + " has no effect"),
              std::string::npos);
  }
}

TEST_F(Sources, ADefaultInOtherWordsAsksForNothing) {
  for (const auto& option : option_table()) {
    if (option.kind != Kind::flag || option.fallback.empty()) continue;
    for (auto same :
         {option.fallback == "true" ? "1" : "0", option.fallback == "true" ? "TRUE" : "False"}) {
      auto loaded = load_with(serve_and({std::string(option.flag) + "=" + same}));
      EXPECT_EQ(all_words(loaded), "") << option.flag << "=" << same;
    }
  }
}

}  // namespace
}  // namespace ncps::config
