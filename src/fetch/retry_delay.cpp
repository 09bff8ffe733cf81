#include "fetch/retry_delay.h"

#include <algorithm>
#include <cstdint>

namespace ncps::fetch {

std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned failed,
                                      std::optional<std::chrono::seconds> retry_after,
                                      double unit_random) noexcept {
  auto doublings = std::min(failed > 0 ? failed - 1 : 0U, 20U);
  auto full = std::min(policy.first * (std::int64_t{1} << doublings), policy.ceiling);
  auto ours = std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(full.count()) * (1.0 - unit_random / 2)));
  return std::max<std::chrono::milliseconds>(ours, retry_after.value_or(std::chrono::seconds(0)));
}

}  // namespace ncps::fetch
