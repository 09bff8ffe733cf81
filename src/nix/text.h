// Small readers that the documents of this room share: trimmed values, whole numbers, lines.
#pragma once

#include <charconv>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace ncps::nix {

// Without the spaces, tabs, CRs and LFs at both ends.
constexpr std::string_view trim(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n";
  const auto first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

// A decimal number and nothing else; absent also if it does not fit.
template <std::integral Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value = 0;
  const std::span<const char> chars(text);
  const auto* end = std::to_address(chars.end());
  const auto [stop, error] = std::from_chars(std::to_address(chars.begin()), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Takes the text up to the next '\n' off the front of `text`; the last line needs none.
constexpr std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

}  // namespace ncps::nix
