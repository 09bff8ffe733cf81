// Sockets on 127.0.0.1, for the servers and doubles of tests.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"

namespace ncps::testing {

struct LoopbackSocket {
  UniqueFd fd;
  std::uint16_t port;
};

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

// Has a port, and does not listen: whoever connects is refused. Throws, if it cannot.
inline LoopbackSocket bound_to_loopback() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = loopback(0);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), any, size) != 0 || ::getsockname(fd.get(), any, &size) != 0)
    throw std::runtime_error("no port of 127.0.0.1");
  return {.fd = std::move(fd), .port = ntohs(address.sin_port)};
}

inline LoopbackSocket listening_on_loopback() {
  auto socket = bound_to_loopback();
  if (::listen(socket.fd.get(), 64) != 0) throw std::runtime_error("cannot listen");
  return socket;
}

// The caller closes it. -1: nobody listens there.
inline int connect_to_loopback(int port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

// False: the other side has gone.
inline bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace ncps::testing
