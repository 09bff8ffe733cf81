#include "config/load.h"

#include <algorithm>
#include <iterator>

#include "config/option_table.h"

namespace ncps::config {
namespace {

struct FileChoice {
  std::filesystem::path path;
  bool named;  // by somebody, so it must be there
};

std::optional<FileChoice> choose_file(const GivenFlags& given, const Environment& environment) {
  auto filled = [&](std::string_view name) {
    auto value = environment(name);
    return value && !value->empty() ? value : std::nullopt;
  };
  auto it = given.find("--config");
  if (it != given.end() && !it->second.empty()) return FileChoice{it->second.back(), true};
  if (auto path = filled("NCPS_CONFIG_FILE")) return FileChoice{*path, true};
  auto below = std::filesystem::path("ncps") / "config.yaml";
  if (auto xdg = filled("XDG_CONFIG_HOME")) return FileChoice{*xdg / below, false};
  if (auto home = filled("HOME"))
    return FileChoice{std::filesystem::path(*home) / ".config" / below, false};
  return std::nullopt;
}

// False also behind a door that is closed to us: a service may run with the home of another user.
bool is_there(const std::filesystem::path& path) {
  std::error_code ec;
  return std::filesystem::exists(path, ec);
}

// A value may hold a line break: what is said of it is one line all the same.
void keep_to_one_line(std::vector<std::string>& lines) {
  for (auto& line : lines)
    for (auto& c : line)
      if (static_cast<unsigned char>(c) < ' ') c = ' ';
}

}  // namespace

Loaded load(const GivenFlags& given, const Environment& environment) {
  Loaded out;
  std::optional<FileValues> file;
  if (auto chosen = choose_file(given, environment)) {
    auto entries = read_config_file(chosen->path);
    if (entries) {
      file = FileValues{chosen->path.native(), std::move(*entries)};
    } else if (chosen->named || is_there(chosen->path)) {
      out.mistakes.push_back("the configuration file: " + entries.error().what());
    }
  }
  auto gathered = gather(given, environment, file);
  auto read = read_serve_options(gathered.values, environment);
  // What is missing may stand in the file that could not be read.
  if (out.mistakes.empty()) std::ranges::move(read.missing, std::back_inserter(out.mistakes));
  out.values = std::move(gathered.values);
  out.options = std::move(read.options);
  for (auto* more : {&gathered.mistakes, &read.mistakes})
    std::ranges::move(*more, std::back_inserter(out.mistakes));
  for (auto* more : {&gathered.warnings, &read.warnings})
    std::ranges::move(*more, std::back_inserter(out.warnings));
  for (auto* lines : {&out.mistakes, &out.warnings}) keep_to_one_line(*lines);
  return out;
}

std::vector<std::string> need_restart(const RawValues& now, const RawValues& next) {
  static const std::vector<std::string> kNone;
  std::vector<std::string> out;
  for (const auto& option : option_table()) {
    if (option.reload == Reload::yes || option.effect == Effect::none) continue;
    auto a = now.find(option.flag), b = next.find(option.flag);
    const auto& before = a == now.end() ? kNone : a->second.values;
    const auto& after = b == next.end() ? kNone : b->second.values;
    if (before != after) out.emplace_back(option.flag);
  }
  return out;
}

}  // namespace ncps::config
