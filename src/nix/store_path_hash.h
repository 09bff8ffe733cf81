// The 32 characters by which a binary cache knows a store object.
//
// Source: Nix manual, "Store Path": 160 bits in nix32.
#pragma once

#include <array>
#include <compare>
#include <functional>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

class StorePathHash {
 public:
  static constexpr std::size_t kLength = 32;  // characters

  // Errors: invalid, if `text` is not exactly 32 nix32 characters.
  static Result<StorePathHash> parse(std::string_view text);

  // Points into *this.
  std::string_view str() const noexcept { return {chars_.data(), chars_.size()}; }

  friend auto operator<=>(const StorePathHash&, const StorePathHash&) = default;

 private:
  StorePathHash() = default;  // only parse() makes one, so every value is well-formed
  std::array<char, kLength> chars_{};
};

}  // namespace ncps::nix

template <>
struct std::hash<ncps::nix::StorePathHash> {
  std::size_t operator()(const ncps::nix::StorePathHash& h) const noexcept {
    return std::hash<std::string_view>{}(h.str());
  }
};
