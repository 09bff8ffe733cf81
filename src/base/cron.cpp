#include "base/cron.h"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <span>

#include "base/duration.h"

namespace ncps {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
constexpr std::pair<std::string_view, std::string_view> kShorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};
constexpr int kYearsToLookAhead = 8;  // two leap days lie at most eight years apart

struct Field {
  std::string_view name;
  int least, most;
  std::span<const std::string_view> names;  // of least, least + 1, ...
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view take(std::string_view& rest, char separator) {
  auto item = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  return item;
}

Result<int> parse_value(std::string_view text, const Field& field) {
  auto name = std::ranges::find(field.names, lower(text));
  if (name != field.names.end()) return field.least + static_cast<int>(name - field.names.begin());
  int value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || ec != std::errc() || end != text.data() + text.size() ||
      value < field.least || value > field.most) {
    return fail(ErrorKind::invalid, "has '" + std::string(text) + "' where the " +
                                        std::string(field.name) + " goes, from " +
                                        std::to_string(field.least) + " to " +
                                        std::to_string(field.most));
  }
  return value;
}

// One of a list: "*", "5", "1-5", "*/15", "10-40/5", "5/15" (from 5 to the end).
template <std::size_t N>
Result<void> parse_range(std::string_view text, const Field& field, std::bitset<N>& out) {
  auto slash = text.find('/');
  auto range = text.substr(0, slash);
  int step = 1, first = field.least, last = field.most;
  if (slash != text.npos) {
    TRY(step, parse_value(text.substr(slash + 1), {"step", 1, field.most, {}}));
  }
  if (range != "*" && range != "?") {
    auto dash = range.find('-');
    TRY(first, parse_value(range.substr(0, dash), field));
    if (dash != range.npos) {
      TRY(last, parse_value(range.substr(dash + 1), field));
    } else if (slash == text.npos) {
      last = first;
    }
    if (last < first)
      return fail(ErrorKind::invalid,
                  "has a range that runs backwards: '" + std::string(range) + "'");
  }
  for (int value = first; value <= last; value += step)
    out.set(static_cast<std::size_t>(value) % N);
  return {};
}

template <std::size_t N>
Result<void> parse_list(std::string_view text, const Field& field, std::bitset<N>& out) {
  while (!text.empty()) TRY(parse_range(take(text, ','), field, out));
  return {};
}

bool any(std::string_view field) {
  return field.starts_with('*') || field.starts_with('?');
}

// As Go sees it: $TZ, or else the system's, or else UTC (containers have no /etc/localtime).
const date::time_zone* local_zone() {
  const char* set = std::getenv("TZ");
  std::string_view name = set == nullptr ? "" : set;
  if (name.starts_with(':')) name.remove_prefix(1);
  try {
    return name.empty() ? date::current_zone() : date::locate_zone(std::string(name));
  } catch (const std::exception&) {
    return date::locate_zone("UTC");
  }
}

Result<const date::time_zone*> find_zone(std::string_view name) {
  try {
    if (name.empty() || name == "Local") return local_zone();
    return date::locate_zone(std::string(name));
  } catch (const std::exception&) {
    return fail(ErrorKind::invalid, "names a time zone that this system does not know");
  }
}

}  // namespace

Result<void> CronSchedule::parse_fields(std::string_view text) {
  std::array<std::string_view, 5> fields;
  std::size_t count = 0;
  for (auto rest = text; !rest.empty();) {
    auto item = take(rest, ' ');
    if (item.empty()) continue;
    if (count == fields.size()) return fail(ErrorKind::invalid, "has more than five fields");
    fields[count++] = item;
  }
  if (count != fields.size()) {
    return fail(ErrorKind::invalid,
                "is no schedule; write five fields such as '0 2 * * *', or @daily, or @every 1h");
  }
  any_day_ = any(fields[2]);
  any_weekday_ = any(fields[4]);
  std::bitset<8> weekdays;
  TRY(parse_list(fields[0], {"minute", 0, 59, {}}, minutes_));
  TRY(parse_list(fields[1], {"hour", 0, 23, {}}, hours_));
  TRY(parse_list(fields[2], {"day of the month", 1, 31, {}}, days_));
  TRY(parse_list(fields[3], {"month", 1, 12, kMonths}, months_));
  TRY(parse_list(fields[4], {"day of the week", 0, 7, kWeekdays},
                 weekdays));  // 7 is Sunday as well
  for (std::size_t day = 0; day < 8; ++day)
    if (weekdays[day]) weekdays_.set(day % 7);
  return {};
}

Result<CronSchedule> CronSchedule::parse(std::string_view text, std::string_view zone) {
  CronSchedule out;
  out.text_ = text;
  out.zone_ = zone;
  for (std::string_view prefix : {"CRON_TZ=", "TZ="}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    out.zone_ = take(text, ' ');
    break;
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  TRY(find_zone(out.zone_));
  if (text.starts_with("@every ")) {
    TRY(auto every, parse_duration(text.substr(7)));
    if (every < 1s) return fail(ErrorKind::invalid, "comes round faster than once a second");
    out.every_ = std::chrono::floor<std::chrono::seconds>(every);
    return out;
  }
  for (const auto& [name, meaning] : kShorthands)
    if (text == name) text = meaning;
  TRY(out.parse_fields(text));
  return out;
}

bool CronSchedule::day_matches(std::chrono::local_days day) const {
  std::chrono::year_month_day date(day);
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  bool by_month = days_[static_cast<unsigned>(date.day())];
  bool by_week = weekdays_[std::chrono::weekday(day).c_encoding()];
  return any_day_ || any_weekday_ ? by_month && by_week : by_month || by_week;
}

std::optional<std::chrono::sys_seconds> CronSchedule::next_after(
    std::chrono::sys_seconds now) const {
  if (every_) return now + *every_;
  auto zone = find_zone(zone_);
  if (!zone) return std::nullopt;
  auto today = std::chrono::floor<std::chrono::days>((*zone)->to_local(now));
  for (auto day = today; day < today + std::chrono::days(366 * kYearsToLookAhead);
       day += std::chrono::days(1)) {
    if (!day_matches(std::chrono::local_days(day.time_since_epoch()))) continue;
    for (std::size_t hour = 0; hour < hours_.size(); ++hour) {
      for (std::size_t minute = 0; hours_[hour] && minute < minutes_.size(); ++minute) {
        if (!minutes_[minute]) continue;
        auto local = day + std::chrono::hours(hour) + std::chrono::minutes(minute);
        auto info = (*zone)->get_info(local);
        if (info.result == date::local_info::nonexistent) continue;
        std::chrono::sys_seconds at(local.time_since_epoch() - info.first.offset);
        if (at > now) return at;
      }
    }
  }
  return std::nullopt;
}

}  // namespace ncps
