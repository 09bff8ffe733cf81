// BootClock: time that passes also while the machine sleeps, and that nobody sets.
//
// Source: clock_gettime(2), CLOCK_BOOTTIME. A lease lasts by this clock: the steady one stands still
// in a suspended machine, while Redis lets the lease expire.
#pragma once

#include <time.h>

#include <chrono>

namespace ncps::redis {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};

}  // namespace ncps::redis
