// Deadline: the point in time after which nobody waits any more.
//
// Made once, where a piece of work begins, and handed down: retries and pools spend the same
// budget.
#pragma once

#include <algorithm>
#include <chrono>

namespace ncps {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline after(Clock::duration budget) { return Deadline(Clock::now() + budget); }
  static Deadline never() { return Deadline(Clock::time_point::max()); }

  Clock::time_point at() const noexcept { return at_; }
  bool passed() const noexcept { return at_ != Clock::time_point::max() && Clock::now() >= at_; }

  // Never negative; Clock::duration::max() for never().
  Clock::duration remaining() const noexcept {
    if (at_ == Clock::time_point::max()) return Clock::duration::max();
    return std::max(at_ - Clock::now(), Clock::duration::zero());
  }

  // The earlier of this one and `budget` from now: for one attempt within the whole.
  Deadline at_most(Clock::duration budget) const {
    return Deadline(std::min(at_, Clock::now() + budget));
  }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

}  // namespace ncps
