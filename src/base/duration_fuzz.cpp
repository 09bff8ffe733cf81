#include "base/duration.h"

#include "fuzzing/fuzz_target.h"

namespace ncps {

FUZZ_TARGET(duration) {
  auto exact = parse_duration(input);
  auto rounded = parse_duration_ms(input);
  CHECK(exact.has_value() == rounded.has_value());
  if (!exact) return;
  CHECK(exact->count() >= 0 && rounded->count() >= 0);
  auto off = *exact - *rounded;
  CHECK(off <= std::chrono::microseconds(500) && -off <= std::chrono::microseconds(500));
  auto again = parse_duration_ms(print_duration(*rounded));
  CHECK(again);
  // Beyond 2^53 ns (104 days) the parser's doubles are coarser than a millisecond at last.
  auto lost = *again > *rounded ? *again - *rounded : *rounded - *again;
  CHECK(lost <= std::chrono::milliseconds(1) &&
        (lost.count() == 0 || *rounded > std::chrono::hours(24 * 104)));
}

}  // namespace ncps
