#include "http/caller.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace ncps::http {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> bytes_of(const void* from) {
  std::array<std::uint8_t, N> bytes;
  std::memcpy(bytes.data(), from, N);
  return bytes;
}

}  // namespace

std::optional<IpAddress> address_of(const boost::asio::generic::stream_protocol::endpoint& end) {
  sockaddr_storage name{};
  std::memcpy(&name, end.data(), end.size());
  if (name.ss_family == AF_INET)
    return IpAddress::v4(bytes_of<4>(&reinterpret_cast<const sockaddr_in&>(name).sin_addr));
  // On a dual-stack socket IPv4 clients appear as ::ffff:1.2.3.4.
  if (name.ss_family == AF_INET6)
    return IpAddress::v6(bytes_of<16>(&reinterpret_cast<const sockaddr_in6&>(name).sin6_addr));
  return std::nullopt;
}

Caller caller_of(const boost::asio::generic::stream_protocol::socket& socket) {
  boost::system::error_code error;
  auto peer = socket.remote_endpoint(error);
  if (error) return {};
  if (peer.protocol().family() == AF_UNIX) return {.address = {}, .name = "unix"};
  auto address = address_of(peer);
  return {.address = address, .name = address ? address->str() : std::string()};
}

}  // namespace ncps::http
