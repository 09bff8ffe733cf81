// Caller: who is at the other end of a connection.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <optional>
#include <string>

#include "http/network.h"

namespace ncps::http {

struct Caller {
  std::optional<IpAddress> address;  // absent: a Unix socket's, or it has gone already
  std::string name;                  // the address, "unix", or empty: it has gone already
  bool trusted_proxy = false;        // what it says of its own clients counts
};

// As the socket itself says. `trusted_proxy` is still to be decided.
Caller caller_of(const boost::asio::generic::stream_protocol::socket& socket);

// Absent: a Unix socket's.
std::optional<IpAddress> address_of(const boost::asio::generic::stream_protocol::endpoint& end);

}  // namespace ncps::http
