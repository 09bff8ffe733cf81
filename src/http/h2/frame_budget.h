// FrameBudget: whether a client sends frames for their own sake. Pure.
//
// A PING, a SETTINGS, a WINDOW_UPDATE, an empty DATA, a request that is taken back: each costs us
// more than it costs who sends it, and none of them asks for anything. They are paid for by frames
// that do: a request, a body's bytes in either direction. Time pays a little as well.
//
// Of what keeps the rules no client comes near the end of it: a WINDOW_UPDATE for each DATA frame
// that it got, a PING each second.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ncps::http::h2 {

class FrameBudget {
 public:
  static constexpr std::int64_t kMost = 10'000;
  static constexpr std::int64_t kPerSecond = 100;
  static constexpr std::int64_t kForWork = 4;  // for each frame that asks for or carries something
  static constexpr std::uint32_t kWorthwhile =
      256;                                        // bytes of body from which on a DATA frame does
  static constexpr std::int64_t kTakenBack = 10;  // a request that was begun and reset

  using TimePoint = std::chrono::steady_clock::time_point;

  void works() noexcept { left_ = std::min(kMost, left_ + kForWork); }

  // False: it is used up.
  bool spend(std::int64_t cost, TimePoint now) noexcept {
    if (now > paid_until_) {
      auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - paid_until_).count();
      left_ = std::min(kMost, left_ + std::min<std::int64_t>(seconds, kMost) * kPerSecond);
      paid_until_ += std::chrono::seconds(seconds);
    }
    left_ -= cost;
    return left_ >= 0;
  }

 private:
  std::int64_t left_ = kMost;
  TimePoint paid_until_{};
};

}  // namespace ncps::http::h2
