// One connection's life: read a request, have it handled, write the response, again. If it begins
// with the preface of HTTP/2, an H2Session has it from there on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "http/caller.h"
#include "http/connection.h"
#include "http/read_buffer.h"
#include "http/request_body.h"
#include "http/request_head.h"
#include "http/response_writer.h"
#include "http/session_loop.h"

namespace ncps::http {

class H2Session;  // NOLINT(cppcoreguidelines-virtual-class-destructor): it is final
struct Written;

class Session {
 public:
  Session(SessionLoop& loop, Connection::Socket socket, Caller caller);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  boost::asio::awaitable<void> run();

  void check_deadline(Connection::TimePoint now) noexcept;
  void drain() noexcept;  // ends the wait for a next request
  void abort() noexcept { connection_.abort(); }

  std::size_t place = 0;  // SessionLoop's

 private:
  enum class Next : std::uint8_t { stop, go_on, http2 };

  boost::asio::awaitable<Next> secure();
  boost::asio::awaitable<Next> read_request();
  Refusal judge(HeadScanner::State state);
  void name_client();
  bool is_http2() const noexcept;
  boost::asio::awaitable<void> speak_http2();
  boost::asio::awaitable<bool> receive_more();
  boost::asio::awaitable<Next> answer();
  boost::asio::awaitable<Next> go_on(const Written& written);
  boost::asio::awaitable<void> refuse(Refusal refusal);

  const ServerOptions& options() const { return loop_.context.options; }

  SessionLoop& loop_;
  Connection connection_;
  const Caller caller_;
  std::string behind_;  // of a request that a trusted proxy has passed on: its client
  std::vector<std::string> certificate_;  // names of the client's
  ReadBuffer buffer_;
  HeadScanner scanner_;
  RequestHead request_;
  std::unique_ptr<RequestBody> body_;  // of a request that has one
  std::unique_ptr<H2Session> http2_;   // decides from then on
  bool idle_ = false;                  // waiting for the first byte of a request
  bool fresh_ = false;  // hands are being shaken, or have just been: a request is on its way
  bool first_ = true;   // nothing has been read but what is in buffer_
};

}  // namespace ncps::http
