#include "nix/cache_info.h"

#include "nix/text.h"

namespace ncps::nix {
namespace {

void read_line(std::string_view line, CacheInfo& info) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const auto key = trim(line.substr(0, colon));
  const auto value = trim(line.substr(colon + 1));
  if (key == "StoreDir") {
    if (value.empty()) return;
    info.store_dir = value;
  } else if (key == "WantMassQuery") {
    info.want_mass_query = value == "1";
  } else if (key == "Priority") {
    info.priority = parse_number<int>(value);
  }
}

}  // namespace

CacheInfo parse_cache_info(std::string_view text) {
  CacheInfo info;
  while (!text.empty()) read_line(take_line(text), info);
  return info;
}

std::string print_cache_info(const CacheInfo& info) {
  std::string text;
  auto add = [&](std::string_view key, std::string_view value) {
    if (!text.empty()) text += '\n';
    text += key;
    text += ": ";
    text += value;
  };
  if (info.store_dir) add("StoreDir", *info.store_dir);
  if (info.want_mass_query) add("WantMassQuery", *info.want_mass_query ? "1" : "0");
  if (info.priority) add("Priority", std::to_string(*info.priority));
  return text;
}

}  // namespace ncps::nix
