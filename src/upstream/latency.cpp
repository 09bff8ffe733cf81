#include "upstream/latency.h"

#include <algorithm>

namespace ncps::upstream {

void Latency::took(std::chrono::nanoseconds time) noexcept {
  times_[count_++ % kKept] = std::chrono::ceil<Time>(time);
  auto known = std::min(count_, kKept);
  if (known < kEnough) return;
  auto sorted = times_;
  auto nth = sorted.begin() + static_cast<std::ptrdiff_t>((known * 95 + 99) / 100 - 1);
  std::nth_element(sorted.begin(), nth, sorted.begin() + static_cast<std::ptrdiff_t>(known));
  usual_ = std::clamp(*nth, kLeast, kMost);
}

}  // namespace ncps::upstream
