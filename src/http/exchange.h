// One request while it is answered, as it shows outside: in gauge, metrics and log, in its span.
//
// The same for every version of HTTP. A local variable of the coroutine that answers, because of
// the span. Belongs to that coroutine's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "http/request.h"
#include "http/request_target.h"
#include "http/response.h"
#include "http/response_writer.h"
#include "http/session_loop.h"
#include "telemetry/span.h"

namespace ncps::http {

class Exchange {
 public:
  // `server` and `request` outlive it. `protocol` is a literal: "HTTP/1.1".
  Exchange(const ServerContext& server, const Request& request, std::string_view protocol);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // What the handler answers, or 500 if it throws.
  boost::asio::awaitable<Response> call_handler();

  // The target for the log: a query may hold a token, and the absolute form a password.
  std::string_view shown() const noexcept { return shown_.empty() ? request_.target : shown_; }

  // So much of it has been sent: counts and logs. Once.
  void end(const Response& response, const Written& written);

 private:
  void begin_span();
  void describe(const Response& response, const Written& written);
  void log_end(const Response& response, const Written& written, double seconds) const;

  const ServerContext& server_;
  const Request& request_;
  const std::string_view protocol_;
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::string shown_;  // where that is another than the target
  std::optional<trace::Span> span_;
};

// A request that no handler gets to see: counted, and in the log of who looks for it.
void note_refusal(const ServerContext& server, const Refusal& refusal, std::string_view client);

}  // namespace ncps::http
