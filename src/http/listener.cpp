#include "http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace ncps::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

namespace {

using ErrorCode = boost::system::error_code;

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn

ErrorCode reuse_port(tcp::acceptor& acceptor) {
  int yes = 1;
  if (::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) == 0)
    return {};
  return {errno, boost::system::system_category()};
}

ErrorCode listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, bool dual_stack) {
  ErrorCode error;
  if (acceptor.is_open()) acceptor.close(error);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) error = reuse_port(acceptor);
  if (!error && endpoint.protocol() == tcp::v6())
    acceptor.set_option(asio::ip::v6_only(!dual_stack), error);
  if (!error) acceptor.set_option(tcp::no_delay(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  return error;
}

std::unexpected<Error> unavailable(const ErrorCode& error) {
  return fail(ErrorKind::unavailable, error.message());
}

Result<Listener> open_unix(asio::io_context& io, ListenAddress address) {
  if (address.socket_path.size() > kMaxSocketPath)
    return unavailable(make_error_code(boost::system::errc::filename_too_long));
  TRY(remove_stale_socket(address.socket_path));
  local::acceptor acceptor(io);
  ErrorCode error;
  acceptor.open(local(), error);
  if (!error) acceptor.bind(local::endpoint(address.socket_path), error);
  if (error) return unavailable(error);
  TRY(auto file, SocketFile::adopt(address.socket_path));
  acceptor.listen(kBacklog, error);
  if (error) return unavailable(error);
  return Listener{std::move(acceptor), std::move(address), std::move(file)};
}

Result<Listener> open_tcp(asio::io_context& io, ListenAddress address) {
  tcp::acceptor acceptor(io);
  ErrorCode error;
  if (address.host.empty()) {
    error = listen_on(acceptor, {tcp::v6(), address.port}, true);
    if (error == asio::error::address_family_not_supported ||
        error == boost::system::errc::address_not_available)
      error = listen_on(acceptor, {tcp::v4(), address.port}, false);
  } else {
    tcp::resolver resolver(io);
    auto found =
        resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
    for (const auto& entry : found) {
      error = listen_on(acceptor, entry.endpoint(), false);
      if (!error) break;
    }
  }
  if (!error) address.port = acceptor.local_endpoint(error).port();
  if (error) return unavailable(error);
  return Listener{std::move(acceptor), std::move(address), std::nullopt};
}

template <class Value>
Value option_of(int fd, int option) {
  Value value{};
  socklen_t size = sizeof value;
  ::getsockopt(fd, SOL_SOCKET, option, &value, &size);
  return value;
}

std::string shown(const sockaddr_un& name, socklen_t size) {
  auto length = size - offsetof(sockaddr_un, sun_path);
  std::string path(name.sun_path, ::strnlen(name.sun_path + 1, length - 1) + 1);
  if (path[0] == '\0') path[0] = '@';
  return path;
}

// Nothing, if it is a kind of address that we do not know.
std::optional<ListenAddress> address_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return std::nullopt;
  char host[INET6_ADDRSTRLEN] = "";
  if (name.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(name);
    ::inet_ntop(AF_INET, &ipv4.sin_addr, host, sizeof host);
    return ListenAddress{.host = host, .port = ntohs(ipv4.sin_port)};
  }
  if (name.ss_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(name);
    ::inet_ntop(AF_INET6, &ipv6.sin6_addr, host, sizeof host);
    return ListenAddress{.host = host, .port = ntohs(ipv6.sin6_port)};
  }
  if (name.ss_family != AF_UNIX || size <= offsetof(sockaddr_un, sun_path)) return std::nullopt;
  return ListenAddress{.socket_path = shown(reinterpret_cast<const sockaddr_un&>(name), size)};
}

}  // namespace

Result<Listener> adopt_listener(asio::io_context& io, int fd) {
  UniqueFd owned(fd);
  auto address = address_of(fd);
  if (!address || option_of<int>(fd, SO_TYPE) != SOCK_STREAM ||
      option_of<int>(fd, SO_ACCEPTCONN) == 0)
    return fail(ErrorKind::invalid, "what was handed over as descriptor " + std::to_string(fd) +
                                        " is no stream socket that listens (in a socket unit: "
                                        "ListenStream=, and Accept=no)");
  int yes = 1;
  if (!address->is_unix()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  asio::generic::stream_protocol protocol(option_of<int>(fd, SO_DOMAIN),
                                          option_of<int>(fd, SO_PROTOCOL));
  decltype(Listener::acceptor) acceptor(io);
  ErrorCode error;
  // A duplicate: whatever goes wrong, each of the two has one owner.
  acceptor.assign(protocol, ::fcntl(fd, F_DUPFD_CLOEXEC, 0), error);
  if (error) return unavailable(error);
  return Listener{std::move(acceptor), std::move(*address), std::nullopt};
}

Result<Listener> open_listener(asio::io_context& io, const ListenAddress& address) {
  auto listener = address.is_unix() ? open_unix(io, address) : open_tcp(io, address);
  if (!listener)
    return std::unexpected(
        std::move(listener).error().while_doing("listening on " + address.str()));
  return listener;
}

}  // namespace ncps::http
