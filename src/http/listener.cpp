#include "http/listener.h"

#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <string>

namespace ncps::http {

namespace asio = boost::asio;
using asio::ip::tcp;

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
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  return error;
}

std::unexpected<Error> refused(const ListenAddress& address, const ErrorCode& error) {
  auto host = address.host.contains(':') ? '[' + address.host + ']' : address.host;
  return fail(ErrorKind::unavailable,
              "listening on " + host + ':' + std::to_string(address.port) + ": " + error.message());
}

}  // namespace

Result<tcp::acceptor> open_listener(asio::io_context& io, const ListenAddress& address) {
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
  if (error) return refused(address, error);
  return acceptor;
}

}  // namespace ncps::http
