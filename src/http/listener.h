// Opens the socket a server listens on.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "base/result.h"
#include "http/listen_address.h"
#include "http/socket_file.h"

namespace ncps::http {

struct Listener {
  boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol> acceptor;
  ListenAddress address;           // with the port that the system picked
  std::optional<SocketFile> file;  // a Unix socket's; last, because it must go before the acceptor
};

// Bound and listening. Blocks while a name is looked up. Errors: unavailable, with the address.
//
// TCP: with SO_REUSEPORT, so that a second instance may start on the same address while the first
// one drains, and TCP_NODELAY, which connections inherit. Without a host: IPv6 and IPv4, or IPv4
// alone where there is no IPv6.
//
// Unix: takes the place of a socket that nobody listens on any more, of nothing else. A second
// instance may start as soon as the first one drains.
Result<Listener> open_listener(boost::asio::io_context& io, const ListenAddress& address);

// Takes over `fd`, a socket that somebody else (systemd) has bound and listens on, TCP or Unix; the
// file of a Unix socket stays theirs. It is ours to close also after an Error. Errors: invalid, if
// it is no such socket.
Result<Listener> adopt_listener(boost::asio::io_context& io, int fd);

}  // namespace ncps::http
