#include "db/go_database.h"

#include <algorithm>
#include <string_view>

namespace ncps::db {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

bool filled(const std::optional<std::string>& column) {
  return column && !column->empty();
}

// References and derivers are base names in a narinfo.
std::string_view base_name(std::string_view path) {
  constexpr std::string_view kStore = "/nix/store/";
  if (path.starts_with(kStore)) path.remove_prefix(kStore.size());
  return path;
}

}  // namespace

std::optional<std::string> narinfo_text(const GoColumns& c) {
  if (!filled(c.store_path) || !filled(c.url) || !filled(c.nar_hash) || !filled(c.nar_size))
    return std::nullopt;
  std::string text;
  bool broken = false;  // a break inside a value would be a line that nobody wrote
  auto line = [&](std::string_view key, std::string_view value) {
    broken = broken || std::ranges::any_of(value, is_control);
    text.append(key).append(": ").append(value).push_back('\n');
  };
  auto line_if = [&](std::string_view key, const std::optional<std::string>& value) {
    if (filled(value)) line(key, *value);
  };
  line("StorePath", *c.store_path);
  line("URL", *c.url);
  line_if("Compression", c.compression);
  line_if("FileHash", c.file_hash);
  if (c.file_size != "0") line_if("FileSize", c.file_size);
  line("NarHash", *c.nar_hash);
  line("NarSize", *c.nar_size);
  std::string references;
  for (const auto& reference : c.references)
    references.append(references.empty() ? "" : " ").append(base_name(reference));
  line("References", references);
  if (filled(c.deriver)) line("Deriver", base_name(*c.deriver));
  line_if("System", c.system);
  for (const auto& signature : c.signatures) line("Sig", signature);
  line_if("CA", c.ca);
  if (broken) return std::nullopt;
  return text;
}

}  // namespace ncps::db
