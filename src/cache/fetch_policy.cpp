#include "cache/fetch_policy.h"

#include <algorithm>

namespace ncps::cache {

FetchStep next_step(const FetchPolicy& policy, const FetchTrouble& trouble) noexcept {
  using std::chrono::milliseconds;
  bool others = trouble.sources > 1;
  if (!trouble.begun) {
    return {
        .go_on = trouble.failures < trouble.sources, .next_source = true, .delay = milliseconds(0)};
  }
  // A stalled source costs seconds: time alone must not keep the others from their turn.
  bool all_asked = trouble.failures >= trouble.sources;
  if (all_asked &&
      (trouble.failures >= policy.most_failures || trouble.silence >= policy.longest_silence)) {
    return {.go_on = false, .next_source = false, .delay = milliseconds(0)};
  }
  // The first time round the ring nobody waits; then each round waits twice as long.
  auto rounds = (trouble.failures - 1) / std::max<std::size_t>(trouble.sources, 1);
  milliseconds delay(0);
  if (rounds > 0) {
    milliseconds grown = policy.first_delay * (1 << std::min<std::size_t>(rounds - 1, 10));
    delay = std::min(grown, policy.longest_delay);
  }
  return {.go_on = true, .next_source = others, .delay = delay};
}

}  // namespace ncps::cache
