// One connection's life: read a request, have it handled, write the response, again.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "http/connection.h"
#include "http/read_buffer.h"
#include "http/request_body.h"
#include "http/request_head.h"
#include "http/response_writer.h"
#include "http/session_loop.h"
#include "telemetry/span.h"

namespace ncps::http {

struct Written;

class Session {
 public:
  Session(SessionLoop& loop, Connection::Socket socket);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  boost::asio::awaitable<void> run();

  void check_deadline(Connection::TimePoint now) noexcept { connection_.check_deadline(now); }
  void drain() noexcept;  // ends the wait for a next request
  void abort() noexcept { connection_.abort(); }

  std::size_t place = 0;  // SessionLoop's

 private:
  enum class Next : bool { stop, go_on };

  boost::asio::awaitable<Next> secure();
  boost::asio::awaitable<Next> read_request();
  Refusal judge(HeadScanner::State state);
  boost::asio::awaitable<bool> receive_more();
  boost::asio::awaitable<Next> answer();
  void begin(std::optional<trace::Span>& span) const;
  void describe(trace::Span& span, const Response& response, const Written& written) const;
  boost::asio::awaitable<Next> go_on(const Written& written);
  boost::asio::awaitable<Response> call_handler();
  boost::asio::awaitable<void> refuse(Refusal refusal);
  boost::asio::awaitable<void> linger();
  void count(const Response& response, const Written& written,
             std::chrono::steady_clock::time_point begin) const;
  void hide_what_may_be_secret();
  void log_request(const Response& response, unsigned status, const Written& written,
                   double seconds) const;
  std::string_view shown() const { return shown_.empty() ? request_.target : shown_; }

  const ServerOptions& options() const { return loop_.context.options; }

  SessionLoop& loop_;
  Connection connection_;
  std::string client_;
  std::vector<std::string> certificate_;  // names of the client's
  ReadBuffer buffer_;
  HeadScanner scanner_;
  RequestHead request_;
  std::string shown_;                  // the target for the log, where that is another
  std::unique_ptr<RequestBody> body_;  // of a request that has one
  bool idle_ = false;                  // waiting for the first byte of a request
  bool fresh_ = false;                 // the same, and TLS has just begun: a request is on its way
};

}  // namespace ncps::http
