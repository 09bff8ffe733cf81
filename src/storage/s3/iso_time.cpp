#include "storage/s3/iso_time.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ncps::s3 {
namespace {

constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";  // d: a digit

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "Z", or ".000Z" with any number of digits
bool is_end(std::string_view text) {
  if (!text.ends_with('Z')) return false;
  text.remove_suffix(1);
  if (text.empty()) return true;
  return text.front() == '.' && text.size() > 1 && std::ranges::all_of(text.substr(1), is_digit);
}

}  // namespace

std::optional<std::chrono::sys_seconds> parse_iso_time(std::string_view text) {
  if (text.size() <= kShape.size() || !is_end(text.substr(kShape.size()))) return std::nullopt;
  std::array<int, 6> numbers{};
  for (std::size_t at = 0, which = 0; at < kShape.size(); ++at) {
    if (kShape[at] == 'd') {
      if (!is_digit(text[at])) return std::nullopt;
      numbers[which] = numbers[which] * 10 + (text[at] - '0');
    } else {
      if (text[at] != kShape[at]) return std::nullopt;
      ++which;
    }
  }
  auto [year, month, day, hour, minute, second] = numbers;
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace ncps::s3
