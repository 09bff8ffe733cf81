// A store path, "/nix/store/<32 nix32>-<name>".
//
// Source: Nix manual, "Store Path": name is 1 to 211 of [0-9a-zA-Z+-._?=], and neither "." nor ".."
// nor beginning with ".-" or "..-".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"
#include "nix/store_path_hash.h"

namespace ncps::nix {

inline constexpr std::string_view kStoreDir = "/nix/store";

// What may stand after the hash of a store path, and name an output of a derivation.
// Errors: invalid.
Result<void> check_store_path_name(std::string_view name);

class StorePath {
 public:
  // From the full path. Errors: invalid (also for a store directory other than /nix/store).
  static Result<StorePath> parse(std::string_view path);

  // From "<hash>-<name>", as in References and Deriver. Errors: invalid.
  static Result<StorePath> parse_base_name(std::string_view base_name);

  const StorePathHash& hash() const noexcept { return hash_; }
  const std::string& base_name() const noexcept { return base_name_; }
  std::string str() const;  // the full path

  friend auto operator<=>(const StorePath& a, const StorePath& b) {
    return a.base_name_ <=> b.base_name_;
  }
  friend bool operator==(const StorePath& a, const StorePath& b) {
    return a.base_name_ == b.base_name_;
  }

 private:
  StorePath(StorePathHash hash, std::string base_name)
      : hash_(hash), base_name_(std::move(base_name)) {}
  StorePathHash hash_;
  std::string base_name_;
};

}  // namespace ncps::nix
