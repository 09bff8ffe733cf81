// nix-cache-info: what a binary cache says of itself.
//
// Source: Nix, src/libstore/binary-cache-store.cc: lines "Key: Value", values trimmed; lines
// without a colon and unknown keys are passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ncps::nix {

struct CacheInfo {
  std::optional<std::string> store_dir;  // absent also if it is empty
  std::optional<bool> want_mass_query;
  std::optional<int> priority;  // lower is asked first; absent also if it is not a number

  friend bool operator==(const CacheInfo&, const CacheInfo&) = default;
};

CacheInfo parse_cache_info(std::string_view text);

// Without a final newline, as the program that we replace writes it.
std::string print_cache_info(const CacheInfo& info);

}  // namespace ncps::nix
