#include "config/config_file.h"

#include <nlohmann/json.hpp>

#include "fuzzing/fuzz_target.h"

namespace ncps::config {
namespace {

using Json = nlohmann::json;

// Whether a JSON document holds only what means the same in every reader: texts, numbers and lists of them in
// objects, and no key twice.
bool simple(const Json& value, int depth = 0) {
  if (depth > 16) return false;
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items())
      if (name.empty() || name == "<<" || !simple(inner, depth + 1)) return false;
    return !value.empty();
  }
  if (value.is_array()) {
    for (const auto& item : value)
      if (!item.is_string()) return false;
    return true;
  }
  return value.is_string();
}

std::size_t leaves(const Json& value) {
  if (!value.is_object()) return 1;
  std::size_t out = 0;
  for (const auto& [name, inner] : value.items()) out += leaves(inner);
  return out;
}

void check_entries(const Result<std::vector<FileEntry>>& entries, std::string_view input) {
  auto lines = 1 + std::count(input.begin(), input.end(), '\n');
  if (!entries) {
    CHECK(entries.error().what().starts_with("line "));
    return;
  }
  // Aliases may say something twice, but no file says more than it could hold.
  CHECK(entries->size() <= 10'000);
  for (const auto& entry : *entries)
    CHECK(entry.line >= 1 && entry.line <= lines + 1 && entry.key.size() <= 100'000);
}

}  // namespace

FUZZ_TARGET(config_file) {
  std::string text(input);
  auto yaml = parse_yaml(text), toml = parse_toml(text);
  check_entries(yaml, input);
  check_entries(toml, input);
  // JSON as a library of JSON reads it.
  auto json = Json::parse(input, nullptr, false);
  if (json.is_object() && simple(json) && input.find_first_of("\t\\") == input.npos && yaml)
    CHECK(yaml->size() >= leaves(json));
}

}  // namespace ncps::config
