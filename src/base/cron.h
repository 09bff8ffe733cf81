// CronSchedule: when something is to be done again.
//
// Five fields (minute, hour, day of month, month, day of week) with names, lists, ranges and steps;
// @hourly,
// @daily (@midnight), @weekly, @monthly, @yearly (@annually); "@every 1h30m"; a leading
// "CRON_TZ=Zone " or "TZ=Zone ". Source: crontab(5), and the Go program's library, which lets a day
// match by month or by week if both are given. Local times that a change of clocks skips do not
// happen; doubled ones happen once.
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps {

class CronSchedule {
 public:
  // `zone` counts unless the text names one: an IANA name, "UTC", or "Local" ($TZ, or
  // else the system's, or else UTC). Errors: invalid.
  static Result<CronSchedule> parse(std::string_view text, std::string_view zone);

  // The first time after `now`; nullopt: never (30 February).
  std::optional<std::chrono::sys_seconds> next_after(std::chrono::sys_seconds now) const;

  const std::string& str() const noexcept { return text_; }

 private:
  CronSchedule() = default;
  Result<void> parse_fields(std::string_view text);
  bool day_matches(std::chrono::local_days day) const;

  std::string text_, zone_;
  std::optional<std::chrono::seconds> every_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // from 1
  std::bitset<13> months_;   // from 1
  std::bitset<7> weekdays_;  // from Sunday
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace ncps
