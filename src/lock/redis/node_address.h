// Where a Redis server is: "redis.example.org:6379", "10.0.0.1:7000", "[fd00::1]:6379".
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::redis {

struct NodeAddress {
  std::string host;  // a name or an address, an IPv6 one without its brackets
  std::uint16_t port = 0;

  std::string str() const;
  friend auto operator<=>(const NodeAddress&, const NodeAddress&) = default;
};

// Without a port it is 6379. Errors: invalid, with what would be right; it repeats nothing of `text`,
// which may hold a password.
Result<NodeAddress> parse_node_address(std::string_view text);

}  // namespace ncps::redis
