#include "base/byte_size.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace ncps {
namespace {

constexpr std::string_view kUnits = "BKMGTP";

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// The power of 1024 that a unit stands for; -1: no unit of ours.
int power_of(std::string_view unit) {
  std::string text;
  for (char c : unit) text.push_back(upper(c));
  if (text.empty()) return -1;
  auto power = kUnits.find(text[0]);
  if (power == kUnits.npos) return -1;
  auto rest = std::string_view(text).substr(1);
  bool well_formed = rest.empty() || (power > 0 && (rest == "B" || rest == "IB"));
  return well_formed ? static_cast<int>(power) : -1;
}

}  // namespace

Result<std::uint64_t> parse_byte_size(std::string_view text) {
  double number = 0;
  auto [end, ec] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  bool zero = ec == std::errc() && number == 0 && unit.empty();
  if (zero) return std::uint64_t{0};
  int power = power_of(unit);
  if (ec != std::errc() || !(number >= 0) || power < 0) {
    return fail(ErrorKind::invalid,
                "is no size; write a number and a unit, such as 500M, 10G or 1.5T");
  }
  double bytes = std::floor(std::ldexp(number, 10 * power));
  if (bytes >= std::ldexp(1.0, 63)) return fail(ErrorKind::invalid, "is too large");
  return static_cast<std::uint64_t>(bytes);
}

std::string print_byte_size(std::uint64_t bytes) {
  constexpr std::array kNames = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t power = 0;
  while (amount >= 1024 && power + 1 < kNames.size()) {
    amount /= 1024;
    ++power;
  }
  return power == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, kNames[power]);
}

}  // namespace ncps
