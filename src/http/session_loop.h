// The sessions of one io thread, and what they share. Everything but the constructor runs on that
// thread.
//
// One timer per thread looks at the deadlines of all its sessions, once a second. A timer per
// session would be armed and cancelled with every request.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <set>
#include <vector>

#include "base/live.h"
#include "http/address_limit.h"
#include "http/on_the_way.h"
#include "http/response_head.h"
#include "http/server.h"

namespace ncps::http {

class Arrival;
class Session;

// What all sessions of a server share. Constant but for the counters and `tls`.
struct ServerContext {
  ServerOptions options;
  Handler handler;
  Pool& disk;
  std::atomic<std::size_t> connections{0};
  FileSends file_sends;
  AddressLimit addresses{options.max_per_client};
  Live<std::shared_ptr<const TlsContext>> tls{nullptr};  // of new connections; none: plain
};

class SessionLoop {
 public:
  SessionLoop(ServerContext& server, boost::asio::io_context& io)
      : context(server), io(io), tick_(io) {}

  // A session enters when it begins and leaves before it ends.
  void add(Session& session);
  void remove(Session& session) noexcept;
  void add(Arrival& arrival) { arrivals_.insert(&arrival); }
  void remove(Arrival& arrival) noexcept { arrivals_.erase(&arrival); }

  boost::asio::awaitable<void> watch_deadlines();  // until stop()
  void drain();                                    // idle sessions end now, others after a response
  void abort_all();                                // also those that still come
  void stop();                                     // ends watch_deadlines()

  bool draining() const noexcept { return draining_; }

  ServerContext& context;
  boost::asio::io_context& io;
  DateLine date;

 private:
  boost::asio::steady_timer tick_;
  std::vector<Session*> sessions_;
  std::set<Arrival*> arrivals_;
  bool draining_ = false;
  bool aborting_ = false;
  bool stopping_ = false;
};

}  // namespace ncps::http
