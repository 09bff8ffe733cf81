#include "base/date_text.h"

#include <array>

namespace ncps {
namespace {

constexpr std::string_view kShape = "dddd-dd-dd_dd:dd:dd";  // d: a digit; _: what is between
static_assert(kShape.size() == kDateTextLength);

}  // namespace

std::optional<std::chrono::sys_seconds> parse_date_text(std::string_view text,
                                                        std::string_view between) {
  if (text.size() < kShape.size()) return std::nullopt;
  std::array<int, 6> numbers{};
  for (std::size_t at = 0, which = 0; at < kShape.size(); ++at) {
    char c = text[at];
    if (kShape[at] == 'd') {
      if (c < '0' || c > '9') return std::nullopt;
      numbers[which] = numbers[which] * 10 + (c - '0');
    } else {
      if (kShape[at] == '_' ? !between.contains(c) : c != kShape[at]) return std::nullopt;
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

}  // namespace ncps
