// Small text helpers of HTTP's grammar (RFC 9110 section 5.6), for those who read heads and headers.
#pragma once

#include <cstddef>
#include <string_view>

namespace ncps::http {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Equal but for ASCII case.
constexpr bool same_word(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

// Without the spaces and tabs at both ends.
constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kSpace = " \t";
  auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace ncps::http
