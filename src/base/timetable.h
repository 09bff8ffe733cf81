// Timetable: when a schedule is due, by a clock that somebody may set meanwhile.
//
// Whoever follows one looks again now and then, also where nothing is due for long. For one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

#include "base/cron.h"

namespace ncps {

using WallClock = std::function<std::chrono::sys_seconds()>;

inline std::chrono::sys_seconds system_time() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

class Timetable {
 public:
  // Nothing before `now` is due.
  explicit Timetable(std::chrono::sys_seconds now) : since_(now) {}

  // How long it is until `schedule` is due; zero or less: it is. nullopt: never.
  std::optional<std::chrono::seconds> left(const CronSchedule& schedule,
                                           std::chrono::sys_seconds now) {
    // A clock that was far ahead must not leave us waiting for the time that comes after its own.
    since_ = std::min(since_, now);
    auto next = schedule.next_after(since_);
    return next ? std::optional(*next - now) : std::nullopt;
  }

  // It has been followed: what comes later is due next.
  void followed(std::chrono::sys_seconds now) { since_ = now; }

 private:
  std::chrono::sys_seconds since_;
};

}  // namespace ncps
