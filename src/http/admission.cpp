#include "http/admission.h"

#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "http/arrival.h"
#include "http/session_loop.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;

namespace {

using Socket = Connection::Socket;

constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Length: 21\r\n"
    "Retry-After: 1\r\n"
    "Connection: close\r\n"
    "\r\n"
    "too many connections\n";

constexpr std::string_view kTooManyOfYours =
    "HTTP/1.1 429 Too Many Requests\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\n"
    "Content-Length: 39\r\n"
    "Retry-After: 1\r\n"
    "Connection: close\r\n"
    "\r\n"
    "too many connections from your address\n";

void answer_and_end(Socket& socket, std::string_view answer) {
  ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // A request that nobody has read would turn the close into an RST.
  char bin[16 * 1024];
  ::recv(socket.native_handle(), bin, sizeof bin, MSG_DONTWAIT);
  boost::system::error_code ignored;
  socket.shutdown(Socket::shutdown_send, ignored);
}

// Whom it names. nullopt: there was none that can be believed.
asio::awaitable<std::optional<ProxyHeader>> read_header(SessionLoop& loop, Socket& socket,
                                                        const Caller& proxy) {
  const auto& options = loop.context.options;
  Arrival arrival(loop, socket);
  auto header = co_await arrival.read(coarse_now() + options.proxies.header_timeout);
  if (header) co_return *header;
  // Who connects and leaves looks only whether we are there; and a stop is nobody's mistake.
  auto kind = header.error().kind();
  if (kind == ErrorKind::not_found || kind == ErrorKind::unavailable) co_return std::nullopt;
  options.probe.bad_headers.add();
  log::warn("a connection that must begin with a PROXY header did not: closed",
            {{"from", proxy.name}, {"error", header.error().what()}});
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<std::optional<Admitted>> admit(SessionLoop& loop, Socket& socket) {
  const auto& options = loop.context.options;
  Admitted admitted{.caller = caller_of(socket), .place = {}};
  auto& caller = admitted.caller;
  if (caller.name.empty()) co_return std::nullopt;  // it has gone already
  bool share = caller.address.has_value();          // whether it counts as one of its address
  bool here = true;                                 // it is on our side of any Unix socket
  if (contains(options.proxies.send_header, caller.address)) {
    auto header = co_await read_header(loop, socket, caller);
    if (!header) co_return std::nullopt;
    share = header->client == ProxyHeader::Client::address;
    here = header->client != ProxyHeader::Client::unix;
    if (!here) caller = {.address = {}, .name = "unix"};
    if (share) caller = {.address = header->address, .name = header->address->str()};
  }
  // Behind a PROXY header there may be a second proxy of ours: what it says of its client counts.
  caller.trusted_proxy = here && contains(options.proxies.trusted, caller.address);
  if (!share || caller.trusted_proxy) co_return admitted;
  if (auto place = loop.context.addresses.take(*caller.address)) {
    admitted.place.emplace(std::move(*place));
    co_return admitted;
  }
  options.probe.over_share.add();
  // Over TLS there is no word for it but the end, as in turn_away.
  if (!options.tls) answer_and_end(socket, kTooManyOfYours);
  co_return std::nullopt;
}

void turn_away(Socket& socket) {
  answer_and_end(socket, kTooMany);
}

}  // namespace ncps::http
