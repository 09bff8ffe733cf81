#include "telemetry/collector_url.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::telemetry {

FUZZ_TARGET(collector_url) {
  auto refused = parse_collector_url("http://user:" + fuzzing::with_secret(input) + "@host");
  CHECK(!refused && !refused.error().what().contains(fuzzing::kSecret));
  auto url = parse_collector_url(input);
  if (!url) return;
  auto again = parse_collector_url(url->str());
  CHECK(again && again->str() == url->str() && again->tls == url->tls && again->port == url->port);
}

}  // namespace ncps::telemetry
