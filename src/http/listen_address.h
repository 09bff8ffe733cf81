// Where to listen: ":8501" (every address, IPv6 and IPv4), "0.0.0.0:8501", "[::1]:8501",
// "localhost:8501", or a Unix socket: "unix:/run/ncps/http.sock".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::http {

struct ListenAddress {
  std::string host;         // empty: every address
  std::uint16_t port = 0;   // 0: the system picks a free one
  std::string socket_path;  // a Unix socket's file, absolute; host and port mean nothing then

  bool is_unix() const noexcept { return !socket_path.empty(); }
  std::string str() const;  // as parse_listen_address reads it
};

// Source: unix(7), sun_path without the zero at its end.
inline constexpr std::size_t kMaxSocketPath = 107;  // bytes

// Errors: invalid, with what would be right; the message repeats nothing of `text`.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace ncps::http
