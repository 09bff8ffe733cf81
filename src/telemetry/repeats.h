// Repeats: which of many lines that say the same are written.
//
// In a minute the same line is written 20 times, and lines with the same message 200 times; what comes
// beyond is counted, and told when the minute is over. Two lines are the same if message and texts are;
// numbers may differ. Pure; time is an argument. Bounded: with more different lines than kMost at once
// further ones are written. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ncps::log {

class Repeats {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{60};
  static constexpr unsigned kSame = 20, kSameMessage = 200;
  static constexpr std::size_t kMost = 1'024;

  // Whether it is to be written. `texts`: a hash of its message and texts.
  bool may_write(std::string_view message, std::size_t texts, Time now);

  struct LeftOut {
    std::string message;
    std::uint64_t lines;
  };
  // Of messages whose minute is over; told once. `all`: of the others, too.
  std::vector<LeftOut> left_out(Time now, bool all = false);

  // When left_out() may have something to tell; max(): not before another line is left out.
  Time next() const noexcept { return next_; }

 private:
  struct Line {
    Time begun;
    unsigned written = 0;
  };
  struct Message : Line {
    std::uint64_t left_out = 0;
  };
  template <class Map>
  static void forget_old(Map& map, Time now);

  std::unordered_map<std::size_t, Line> lines_;
  std::unordered_map<std::string, Message> messages_;
  Time next_ = Time::max();
};

}  // namespace ncps::log
