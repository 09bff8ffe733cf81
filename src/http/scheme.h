// By which of the two a client reaches us.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/text.h"

namespace ncps::http {

enum class Scheme : std::uint8_t { http, https };

constexpr std::string_view name_of(Scheme scheme) noexcept {
  return scheme == Scheme::https ? "https" : "http";
}

// nullopt: neither.
constexpr std::optional<Scheme> parse_scheme(std::string_view text) noexcept {
  for (auto scheme : {Scheme::http, Scheme::https})
    if (same_word(text, name_of(scheme))) return scheme;
  return std::nullopt;
}

}  // namespace ncps::http
