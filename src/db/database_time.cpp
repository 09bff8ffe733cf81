#include "db/database_time.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/date_text.h"
#include "nix/text.h"

namespace ncps::db {
namespace {

// Of what follows the seconds and their fraction. Absent: no offset, but something else.
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
  text = nix::trim(text);
  text = text.substr(0, text.find(' '));  // the zone's name says nothing more
  if (text.empty() || text == "Z") return std::chrono::minutes(0);
  if (text.front() != '+' && text.front() != '-') return std::nullopt;
  std::string digits;
  for (char c : text.substr(1))
    if (c != ':') digits.push_back(c);
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4) return std::nullopt;
  auto hours = nix::parse_number<int>(digits.substr(0, 2));
  auto minutes = nix::parse_number<int>(digits.substr(2));
  if (!hours || !minutes) return std::nullopt;
  auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text.front() == '-' ? -offset : offset;
}

}  // namespace

std::optional<Time> parse_time(std::string_view text) {
  auto time = parse_date_text(text, " T");
  if (!time) return std::nullopt;
  text.remove_prefix(kDateTextLength);
  if (text.starts_with('.')) {
    auto digits = std::min(text.find_first_not_of("0123456789", 1), text.size());
    text.remove_prefix(digits);
  }
  auto offset = parse_offset(text);
  if (!offset) return std::nullopt;
  return *time - *offset;
}

std::string print_time(Time time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace ncps::db
