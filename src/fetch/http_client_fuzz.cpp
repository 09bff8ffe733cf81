#include "fetch/http_client.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::fetch {

FUZZ_TARGET(http_client) {
  if (auto range = parse_content_range(input)) {
    CHECK(!range->total || range->first < *range->total);
    auto total = range->total ? std::to_string(*range->total) : "*";
    auto last = range->total ? std::to_string(*range->total - 1) : std::to_string(range->first);
    auto again =
        parse_content_range("bytes " + std::to_string(range->first) + "-" + last + "/" + total);
    CHECK(again && again->first == range->first && again->total == range->total);
  }
  if (auto wait = parse_retry_after(input)) {
    CHECK(wait->count() >= 0 && wait->count() <= UINT32_MAX);
    CHECK(input.find_first_not_of("0123456789") == input.npos);
  }
}

}  // namespace ncps::fetch
