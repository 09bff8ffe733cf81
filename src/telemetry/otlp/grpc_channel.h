// One gRPC server, and calls to it: one message there, one message back.
//
// Source: gRPC, "gRPC over HTTP2" (PROTOCOL-HTTP2.md). libcurl speaks the HTTP/2, as it does to all
// other servers: docs/decisions/0010-otlp-over-libcurl.md says why gRPC's own library does not.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "telemetry/collector_url.h"

namespace ncps::otlp {

// The codes of gRPC that we tell apart; all others are as they come.
inline constexpr int kOk = 0, kCancelled = 1, kUnknown = 2, kDeadlineExceeded = 4,
                     kUnimplemented = 12, kInternal = 13, kUnavailable = 14, kUnauthenticated = 16;

struct Outcome {
  int code = kUnknown;
  std::string what;   // why, if it is not kOk: never a header that we have sent
  std::string reply;  // the message, if it is kOk
};

struct ChannelOptions {
  telemetry::CollectorUrl server;
  std::vector<std::pair<std::string, std::string>> headers;  // sent with each call
  std::string ca_file;  // trusted instead of the system's; empty: the system's
  std::string user_agent;
};

// One call at a time, of one thread. Over TLS the connection is kept between calls.
class GrpcChannel {
 public:
  using Clock = std::chrono::steady_clock;

  explicit GrpcChannel(ChannelOptions options);
  ~GrpcChannel();
  GrpcChannel(const GrpcChannel&) = delete;
  GrpcChannel& operator=(const GrpcChannel&) = delete;

  // `method`: "/package.Service/Method". Blocks until the answer has come, the deadline has passed, or
  // give_up_at() has, to about a second.
  Outcome call(std::string_view method, std::string_view message, Clock::time_point deadline);

  // From any thread: no call goes on after that, and none begins.
  void give_up_at(Clock::time_point when) noexcept;

 private:
  struct Call;
  struct Handle;
  ChannelOptions options_;
  std::unique_ptr<Handle> handle_;
  std::atomic<Clock::rep> give_up_;
};

}  // namespace ncps::otlp
