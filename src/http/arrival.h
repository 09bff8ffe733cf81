// Arrival: a connection whose PROXY header is still to come.
//
// It takes from the socket what is the header's, and not a byte more: TLS or HTTP begins behind it.
// Belongs to one io thread; its SessionLoop looks at its deadline.
#pragma once

#include <chrono>

#include "http/connection.h"
#include "http/proxy_header.h"
#include "rt/task.h"

namespace ncps::http {

class SessionLoop;

class Arrival {
 public:
  // Both must outlive it.
  Arrival(SessionLoop& loop, Connection::Socket& socket);
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  // Once. Errors: invalid: it began with something else, or broke off; timeout; not_found: not a
  // byte came; unavailable: we are about to stop, and nothing was there.
  Task<ProxyHeader> read(Connection::TimePoint until);

  void check_deadline(Connection::TimePoint now) noexcept;
  void interrupt() noexcept;  // ends the wait

 private:
  SessionLoop& loop_;
  Connection::Socket& socket_;
  Connection::TimePoint deadline_ = Connection::TimePoint::max();
  bool timed_out_ = false;
};

}  // namespace ncps::http
