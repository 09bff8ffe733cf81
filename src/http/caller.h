// Caller: who is at the other end of a connection, and whether that is this machine.
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

// Bytes, as socket(7) counts them, that are on their way to a client on this machine. The kernel
// would let them grow to tcp_wmem's most (4 MiB), and what is sent leaves the processor's caches
// before it is read. Of less than four of loopback's segments (64 KiB)
// one connection would wait for late ACKs.
inline constexpr int kOnTheWay = 256 * 1024;

// Of both ends of a TCP connection.
bool on_one_machine(const IpAddress& own, const IpAddress& other) noexcept;

// Sets kOnTheWay where both ends are on this machine; all other sockets stay as the kernel keeps
// them: a long way needs as much as comes together in a round trip.
void bound_what_is_on_the_way(boost::asio::generic::stream_protocol::socket& socket) noexcept;

}  // namespace ncps::http
