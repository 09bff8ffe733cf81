// One connection's life in HTTP/2: many requests at once, each with a coroutine of its own.
//
//   reader (run)    receives, gives it to the machine, starts a coroutine for each request
//   writer          sends what the machine has to say, in pieces of 64 KiB
//   one for each    handler, response; ends when its stream is closed and the handler is done
//   stream
//
// All on the connection's thread. The machine (h2/machine.h) shares the connection out between
// streams; one that has nothing to send, or whose client takes nothing, costs the others nothing.
// A request whose client has taken it back goes on until its handler ends, and counts as running.
//
// Stopping (drain, or idle for too long): GOAWAY that takes everything still, a PING, and with its
// answer the GOAWAY that ends it; so no request is lost that was on its way. A body that fails is
// RST_STREAM before its end; a connection that fails ends with RST.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/bell.h"
#include "http/caller.h"
#include "http/connection.h"
#include "http/exchange.h"
#include "http/h2/machine.h"
#include "http/h2_body.h"
#include "http/h2_stream.h"
#include "http/response.h"
#include "http/session_loop.h"
#include "rt/task_group.h"

namespace ncps::http {

class H2Session final : private h2::Events {
 public:
  static constexpr std::size_t kMostHeads = 1024ul * 1024;  // bytes of heads of running requests

  // All outlive it. `certificate`: the names in the client's.
  H2Session(SessionLoop& loop, Connection& connection, const Caller& caller,
            std::span<const std::string> certificate);
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  // `received`: what has come already, from the preface on. Returns when no handler runs any more.
  boost::asio::awaitable<void> run(std::string received);

  void check_deadline(Connection::TimePoint now);
  void drain();
  void abort() noexcept { connection_.abort(); }

 private:
  // h2::Events
  void begin(h2::StreamId id) override;
  void field(h2::StreamId id, h2::Field field) override;
  void head_complete(h2::StreamId id, Body body) override;
  void data(h2::StreamId id, std::string_view bytes) override;
  void data_end(h2::StreamId id) override;
  void sent_whole(h2::StreamId id) override;
  void closed(h2::StreamId id) override;
  void settled() override { settle_until_ = Connection::TimePoint::max(); }
  void pong() override;
  h2::Pulled pull(h2::StreamId id, std::span<char> to) override;

  boost::asio::awaitable<void> read(std::string_view received);
  bool take_in(std::string_view bytes);
  boost::asio::awaitable<void> write();
  boost::asio::awaitable<void> write_out();
  void tell_closed();
  boost::asio::awaitable<void> serve(H2Stream& stream);
  boost::asio::awaitable<void> answer(H2Stream& stream);
  boost::asio::awaitable<Written> send(H2Stream& stream, Response& response,
                                       std::string_view target);
  void forget(const H2Stream& stream);
  H2Stream* find(h2::StreamId id);
  const ServerOptions& options() const { return loop_.context.options; }

  SessionLoop& loop_;
  Connection& connection_;
  const Caller& caller_;
  const std::span<const std::string> certificate_;
  h2::Machine machine_;
  H2Intake intake_;
  Bell output_;  // the writer waits for it
  std::unordered_map<h2::StreamId, std::unique_ptr<H2Stream>> streams_;
  std::size_t heads_ = 0;               // bytes of the heads of all streams
  std::vector<h2::StreamId> complete_;  // heads that take_in() has found
  std::vector<h2::StreamId> closed_;    // or sent whole: to be told when that is with the kernel
  Connection::TimePoint idle_until_, settle_until_;
  h2::StreamId head_of_ = 0;                                         // whose head has begun last
  Connection::TimePoint head_until_ = Connection::TimePoint::max();  // of that head
  Connection::TimePoint end_at_ = Connection::TimePoint::max();  // without an answer to the PING
  bool draining_ = false;
  bool owes_ping_ = false;
  bool writing_ = false;  // the machine is being asked, or what it said is being sent
  bool clean_ = false;    // all has been said
  bool over_ = false;
  TaskGroup tasks_;  // the writer and one for each stream
};

}  // namespace ncps::http
