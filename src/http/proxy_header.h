// The header by which a proxy says, before anything else on a connection, whose connection it
// passes on. Pure, and strict.
//
// Source: "The PROXY protocol, versions 1 & 2" (proxy-protocol.txt of haproxy), section 2. TLVs of
// version 2 are passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "http/network.h"

namespace ncps::http {

struct ProxyHeader {
  // Of version 1 the source allows 107. Of version 2 it allows 64 KiB, and wants senders to stay
  // below 536; nobody needs as much as this.
  static constexpr std::size_t kMostBytes = 4096;

  enum class Client : std::uint8_t {
    proxy,    // LOCAL, UNKNOWN: the connection is the proxy's own
    address,  // as below
    unix,     // of a Unix socket at the proxy
  };
  std::size_t size = 0;  // bytes
  Client client = Client::proxy;
  std::optional<IpAddress> address;
};

// `text`: what has come on the connection so far. nullopt: the header is longer than that; then all
// of `text` is the header's. Errors: invalid, as soon as it can be none that we accept.
Result<std::optional<ProxyHeader>> decode_proxy_header(std::string_view text);

}  // namespace ncps::http
