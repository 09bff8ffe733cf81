// HedgeBudget: how many requests may be made beside others that would probably do.
//
// Each request earns a part of one extra request, so that extra ones stay below 10 % in the long
// run, however slow upstreams are. Thread-safe.
#pragma once

#include <algorithm>

#include "base/guarded.h"

namespace ncps::cache {

class HedgeBudget {
 public:
  void earn() {
    thousandths_.with([](int& t) { t = std::min(t + kEarned, kMost); });
  }
  bool left() const {
    return thousandths_.with([](int t) { return t >= kOne; });
  }
  // May go below zero: what patience alone has started is paid back, too.
  void spend() {
    thousandths_.with([](int& t) { t = std::max(t - kOne, -kMost); });
  }

 private:
  static constexpr int kOne = 1'000, kEarned = 80, kMost = 10 * kOne;
  Guarded<int> thousandths_{2 * kOne};  // a fresh process may hedge, too
};

}  // namespace ncps::cache
