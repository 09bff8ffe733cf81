#include "config/documents.h"

#include <fmt/format.h>

#include <iterator>

#include "config/masking.h"
#include "config/option_table.h"

namespace ncps::config {
namespace {

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::text: return "text";
    case Kind::path: return "path";
    case Kind::list: return "list";
    case Kind::flag: return "true or false";
    case Kind::size: return "size";
    case Kind::duration: return "duration";
    case Kind::count: return "number";
    case Kind::cron: return "schedule";
  }
  return "";
}

std::string in_code(std::string_view text) {
  return text.empty() ? "" : "`" + std::string(text) + "`";
}

std::string_view last_part(std::string_view key) {
  return key.substr(key.rfind('.') + 1);
}

std::string sample_value(const OptionSpec& option) {
  if (option.kind == Kind::list) return "[" + std::string(option.fallback) + "]";
  if (option.fallback.empty()) return "\"\"";
  bool plain = option.kind == Kind::flag || option.kind == Kind::count;
  return plain ? std::string(option.fallback) : "\"" + std::string(option.fallback) + "\"";
}

// Writes "a.b.c" as nested keys, opening only the ones that differ from the last key's.
class YamlTree {
 public:
  // Returns the indentation of the key's last part.
  std::size_t open(std::string_view key, std::string& out) {
    std::vector<std::string_view> parts;
    for (auto rest = key;;) {
      auto dot = rest.find('.');
      if (dot == rest.npos) break;
      parts.push_back(rest.substr(0, dot));
      rest.remove_prefix(dot + 1);
    }
    std::size_t same = 0;
    while (same < parts.size() && same < open_.size() && parts[same] == open_[same]) ++same;
    for (auto i = same; i < parts.size(); ++i)
      fmt::format_to(std::back_inserter(out), "{:{}}{}:\n", "", 2 * i, parts[i]);
    open_ = std::move(parts);
    return 2 * open_.size();
  }

 private:
  std::vector<std::string_view> open_;
};

}  // namespace

std::string example_yaml() {
  std::string out =
      "# Every key of the configuration file with its default, made by `ncps config example`.\n"
      "# Each can be a flag and an environment variable as well: docs/configuration.md.\n";
  // A key may be opened once in a document: options are sorted so that those of one branch stand
  // together.
  std::map<std::string_view, const OptionSpec*> by_key;
  for (const auto& option : option_table())
    if (!option.key.empty() && option.effect != Effect::none) by_key.emplace(option.key, &option);
  YamlTree tree;
  for (const auto& [key, option] : by_key) {
    auto indent = tree.open(key, out);
    fmt::format_to(std::back_inserter(out), "{:{}}# {}.\n{:{}}# {}: {}\n", "", indent, option->help,
                   "", indent, last_part(key), sample_value(*option));
  }
  return out;
}

std::string reference_markdown() {
  std::string out =
      "# Configuration\n\n"
      "Made by `ncps config reference` from the option table; a test fails when it is out of "
      "date.\n\n"
      "A flag goes before its environment variable, that before the configuration file, that "
      "before the default.\n"
      "Lists: repeat the flag, separate with commas, or write a list in the file. Sizes: `500M`, "
      "`10G`, `1.5T`, `0`.\n"
      "Durations: `300ms`, `1h30m`. Schedules: `0 2 * * *`, `@daily`, `@every 1h`, "
      "`CRON_TZ=Europe/Berlin 0 2 * * *`.\n"
      "A secret can come from a file: `file:/path` as its value, or the flag with `-file`, the "
      "variable with `_FILE`,\n"
      "the key with `-file` at its end. `ncps config check` says what is wrong, `ncps config show` "
      "what is in force.\n"
      "Options marked with (reload) take a new value at SIGHUP, the others when the program starts "
      "again.\n\n"
      "Exit status: 0 done; 1 could not start, or failed while running; 2 wrong options, nothing "
      "was touched.\n";
  std::string_view group;
  for (const auto& option : option_table()) {
    if (option.group != group) {
      group = option.group;
      fmt::format_to(
          std::back_inserter(out),
          "\n## {}\n\n| Flag | Variable | Key | Type | Default | |\n|---|---|---|---|---|---|\n",
          group);
    }
    fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} | {} | {}.{} |\n", option.flag,
                   in_code(option.env), in_code(option.key), kind_name(option.kind),
                   in_code(option.fallback), option.help,
                   option.reload == Reload::yes ? " (reload)" : "");
  }
  out +=
      "\n## Old names\n\nStill understood, with a warning unless said otherwise; the new name wins "
      "if both are given.\n\n"
      "| Flag | Variable | Key | Now | |\n|---|---|---|---|---|\n";
  for (const auto& old : old_names()) {
    fmt::format_to(std::back_inserter(out), "| {} | {} | {} | `{}` | {} |\n", in_code(old.flag),
                   in_code(old.env), in_code(old.key), old.now,
                   old.note.empty() ? "" : "no warning: " + std::string(old.note));
  }
  return out;
}

std::string show(const RawValues& values) {
  std::string out;
  for (const auto& option : option_table()) {
    auto it = values.find(option.flag);
    if (it == values.end() || option.effect == Effect::none) continue;
    auto name = option.key.empty() ? option.flag : option.key;
    for (const auto& value : it->second.values) {
      fmt::format_to(std::back_inserter(out), "{} = {}  ({})\n", name, masked(option, value),
                     it->second.origin);
    }
  }
  return out;
}

}  // namespace ncps::config
