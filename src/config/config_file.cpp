#include "config/config_file.h"

#include <map>

#include "config/text_file.h"

namespace ncps::config {
namespace {

// YAML and JSON may say a thing twice, also in two ways ("a.b: 1" and "a: {b: 2}").
Result<void> refuse_doubles(const std::vector<FileEntry>& entries) {
  std::map<std::string_view, int> lines;
  for (const auto& entry : entries) {
    auto [first, fresh] = lines.emplace(entry.key, entry.line);
    if (fresh) continue;
    return fail(ErrorKind::invalid, "line " + std::to_string(entry.line) + ": " + entry.key +
                                        " is given twice, first in line " +
                                        std::to_string(first->second));
  }
  return {};
}

Result<std::vector<FileEntry>> parse(const std::filesystem::path& path, const std::string& text) {
  TRY(auto entries, path.extension() == ".toml" ? parse_toml(text) : parse_yaml(text));
  TRY(refuse_doubles(entries));
  return entries;
}

}  // namespace

Result<std::vector<FileEntry>> read_config_file(const std::filesystem::path& path) {
  TRY(auto text, read_text_file(path));
  auto parsed = parse(path, text);
  if (!parsed) return std::unexpected(std::move(parsed).error().while_doing(path.native()));
  return parsed;
}

}  // namespace ncps::config
