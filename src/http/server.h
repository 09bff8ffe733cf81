// A server of HTTP/1.1 and HTTP/2: connections in, Requests to a handler, Responses out.
//
// Source: RFC 9112, RFC 9113. A connection that begins with the preface of HTTP/2 speaks that, with
// or without TLS; there is no upgrade. Keep-alive, pipelining in order, Expect: 100-continue, limits and timeouts as
// in ServerOptions. Each connection lives on one thread of the Runtime; new ones are dealt to the
// threads in turn. A response whose body fails is ended by aborting the connection (RST), never by
// a clean end.
//
// With a TlsContext every connection over TCP speaks TLS, within the head's time limit; what comes
// without is answered with 400 and a word about it. A Unix socket stays plain.
//
// A Unix socket knows no RST: there a body that breaks off is short of its Content-Length or lacks
// its last chunk. Limit: to an HTTP/1.0 client on a Unix socket a body of unknown length that broke
// off looks complete; have the proxy in front speak HTTP/1.1 (nginx: proxy_http_version 1.1).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "http/least_rate.h"
#include "http/listen_address.h"
#include "http/request.h"
#include "http/response.h"
#include "http/server_limits.h"
#include "http/server_probe.h"
#include "http/tls_context.h"
#include "rt/deadline.h"
#include "rt/offload.h"
#include "rt/runtime.h"

namespace ncps::http {

struct ServerOptions : ServerLimits {
  ListenAddress address;
  std::optional<int> inherited;  // a socket that listens already: taken over instead of `address`
  LeastRate::Rule body_rate{.bytes = 64 * 1024, .within = std::chrono::seconds(60)};  // 408 below
  Proxies proxies = {};
  std::shared_ptr<const TlsContext> tls;  // none: plain HTTP
  bool http2 = true;                      // otherwise its preface is answered with 505
  ServerProbe probe = {};
  std::chrono::milliseconds tick{1000};  // how often deadlines are looked at: so late they may be
};

// Called on the connection's thread; must not block it. What it throws is answered with 500 and
// logged.
using Handler = std::function<boost::asio::awaitable<Response>(const Request&)>;

class Server {
 public:
  // Listens and begins to accept. `disk` reads file pieces that are not in memory yet. Runtime and
  // pool must outlive the server. Errors: unavailable (address in use, no such address, at a Unix
  // socket's path something that is none), with the address; invalid, as adopt_listener, or TLS on a
  // Unix socket.
  static Result<std::unique_ptr<Server>> start(Runtime& runtime, Pool& disk, ServerOptions options,
                                               Handler handler);
  virtual ~Server() = default;  // REQUIRES: drain() has returned true

  virtual const ListenAddress& address() const = 0;  // with the port that it really has
  std::uint16_t port() const { return address().port; }
  virtual std::size_t connections() const = 0;

  // For new connections; the others go on with what they have. Thread-safe. REQUIRES: it has begun
  // with TLS.
  virtual void use_tls(std::shared_ptr<const TlsContext> tls) = 0;
  virtual std::shared_ptr<const TlsContext> tls() const = 0;  // of new ones; none: plain

  // Stops accepting (and removes its Unix socket's file), closes idle connections, lets responses in
  // flight finish (with Connection: close), and after `grace` aborts what is left: `cut_off` is
  // called then, to end whatever handlers and bodies still wait for. Blocks until no connection is
  // there, or `unwind` after that: false, if some still is, because it waits for what nobody can
  // end (a disk). Then it may be called again. Not from an io thread.
  virtual bool drain(
      Deadline grace, const std::function<void()>& cut_off = [] {},
      std::chrono::milliseconds unwind = std::chrono::hours(1)) = 0;
};

}  // namespace ncps::http
