#include <yaml-cpp/yaml.h>

#include "config/config_file.h"

namespace ncps::config {
namespace {

std::unexpected<Error> at_line(const YAML::Mark& mark, std::string_view what) {
  return fail(ErrorKind::invalid,
              "line " + std::to_string(mark.line + 1) + ": " + std::string(what));
}

Result<void> flatten(const YAML::Node& node, const std::string& key, std::vector<FileEntry>& out);

Result<void> flatten_list(const YAML::Node& node, const std::string& key,
                          std::vector<FileEntry>& out) {
  FileEntry entry{.key = key, .values = {}, .line = node.Mark().line + 1};
  for (const auto& item : node) {
    if (!item.IsScalar()) return at_line(item.Mark(), key + ": a list may only hold plain values");
    entry.values.push_back(item.Scalar());
  }
  out.push_back(std::move(entry));
  return {};
}

Result<void> flatten_map(const YAML::Node& node, const std::string& key,
                         std::vector<FileEntry>& out) {
  for (const auto& pair : node) {
    auto name = key.empty() ? pair.first.Scalar() : key + "." + pair.first.Scalar();
    TRY(flatten(pair.second, name, out));
  }
  return {};
}

Result<void> flatten(const YAML::Node& node, const std::string& key, std::vector<FileEntry>& out) {
  if (node.IsMap()) return flatten_map(node, key, out);
  if (node.IsNull() || !node.IsDefined()) return {};
  if (key.empty()) return at_line(node.Mark(), "the file must hold keys and values");
  if (node.IsSequence()) return flatten_list(node, key, out);
  out.push_back({.key = key, .values = {node.Scalar()}, .line = node.Mark().line + 1});
  return {};
}

}  // namespace

Result<std::vector<FileEntry>> parse_yaml(const std::string& text) {
  std::vector<FileEntry> out;
  try {
    auto documents = YAML::LoadAll(text);
    if (documents.size() > 1) return at_line(documents[1].Mark(), "a second document begins");
    if (!documents.empty()) TRY(flatten(documents[0], "", out));
  } catch (const YAML::Exception& e) {
    return at_line(e.mark, e.msg);
  }
  return out;
}

}  // namespace ncps::config
