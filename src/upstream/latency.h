// Latency: within which time an upstream usually answers, from its last answers.
//
// Pure. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace ncps::upstream {

class Latency {
 public:
  using Time = std::chrono::milliseconds;

  static constexpr std::size_t kKept = 64;   // answers
  static constexpr std::size_t kEnough = 8;  // with fewer, nothing is known
  static constexpr Time kUnknown{300};
  static constexpr Time kLeast{50};
  static constexpr Time kMost{1'000};

  // An answer came after that time.
  void took(std::chrono::nanoseconds time) noexcept;

  // 95 of 100 answers came within it. Worked out by took(): reading it costs nothing.
  Time usual() const noexcept { return usual_; }

 private:
  std::array<Time, kKept> times_{};
  std::size_t count_ = 0;  // of all that came
  Time usual_ = kUnknown;
};

}  // namespace ncps::upstream
