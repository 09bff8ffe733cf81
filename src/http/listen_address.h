// Where to listen: ":8501" (every address, IPv6 and IPv4), "0.0.0.0:8501", "[::1]:8501",
// "localhost:8501".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::http {

struct ListenAddress {
  std::string host;        // empty: every address
  std::uint16_t port = 0;  // 0: the system picks a free one
};

// Errors: invalid, with what would be right.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace ncps::http
