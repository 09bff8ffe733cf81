// Opens the socket a server listens on.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "http/listen_address.h"

namespace ncps::http {

// Bound and listening, with SO_REUSEPORT: a second instance may start on the same address while the
// first one drains. Without a host: IPv6 and IPv4, or IPv4 alone where there is no IPv6. Blocks
// while a name is looked up. Errors: unavailable, with the address.
Result<boost::asio::ip::tcp::acceptor> open_listener(boost::asio::io_context& io,
                                                     const ListenAddress& address);

}  // namespace ncps::http
