#include "lock/redis/node_address.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::redis {

FUZZ_TARGET(node_address) {
  auto refused = parse_node_address(fuzzing::with_secret(input) + "@host:1");
  CHECK(!refused && !refused.error().what().contains(fuzzing::kSecret));
  auto address = parse_node_address(input);
  if (!address) return;
  CHECK(address->port > 0 && !address->host.empty() &&
        parse_node_address(address->str()) == *address);
}

}  // namespace ncps::redis
