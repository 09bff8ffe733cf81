#include <toml++/toml.h>

#include <sstream>

#include "config/config_file.h"

namespace ncps::config {
namespace {

std::unexpected<Error> at_line(const toml::source_region& where, std::string_view what) {
  return fail(ErrorKind::invalid,
              "line " + std::to_string(where.begin.line) + ": " + std::string(what));
}

// Messages quote pieces of the file; longer ones may be a secret.
std::string without_quotations(std::string_view message) {
  constexpr std::size_t kHarmless = 3;  // "saw 'x'", "expected '='"
  std::string out;
  while (!message.empty()) {
    auto open = message.find('\'');
    auto close = open == message.npos ? message.npos : message.rfind('\'');
    if (close == open || close - open - 1 <= kHarmless) return out.append(message);
    out.append(message.substr(0, open)).append("(...)");
    message.remove_prefix(close + 1);
  }
  return out;
}

std::string text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return std::move(out).str();
}

Result<void> flatten(const toml::table& table, const std::string& key,
                     std::vector<FileEntry>& out) {
  for (const auto& [name, node] : table) {
    auto full = key.empty() ? std::string(name.str()) : key + "." + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      TRY(flatten(*inner, full, out));
      continue;
    }
    FileEntry entry{.key = full, .values = {}, .line = static_cast<int>(node.source().begin.line)};
    if (const auto* list = node.as_array()) {
      for (const auto& item : *list) {
        if (!item.is_value())
          return at_line(item.source(), full + ": a list may only hold plain values");
        entry.values.push_back(text_of(item));
      }
    } else {
      entry.values.push_back(text_of(node));
    }
    out.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

Result<std::vector<FileEntry>> parse_toml(const std::string& text) {
  std::vector<FileEntry> out;
  try {
    TRY(flatten(toml::parse(text), "", out));
  } catch (const toml::parse_error& e) {
    return at_line(e.source(), without_quotations(e.description()));
  }
  return out;
}

}  // namespace ncps::config
