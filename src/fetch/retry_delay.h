// How long to wait before asking a server again. Pure: time and chance are arguments.
#pragma once

#include <chrono>
#include <optional>

namespace ncps::fetch {

struct RetryPolicy {
  unsigned attempts = 4;                     // in all, the first included
  std::chrono::milliseconds first{100};      // before the second attempt, doubled from there
  std::chrono::milliseconds ceiling{2'000};  // of our own back-off; Retry-After may exceed it
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// `failed` attempts so far, from 1. `unit_random` in [0,1) takes away up to half of the delay, so
// that many instances do not come back together.
std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned failed,
                                      std::optional<std::chrono::seconds> retry_after,
                                      double unit_random) noexcept;

}  // namespace ncps::fetch
