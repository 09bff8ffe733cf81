#include "server/error_response.h"

#include "telemetry/log.h"

namespace ncps::server {
namespace {

constexpr auto kRetryAfter = "5";  // seconds: what is away is looked for more often than that

}  // namespace

unsigned http_status(ErrorKind kind) noexcept {
  switch (kind) {  // no default: -Wswitch names the kind that somebody forgot
    case ErrorKind::invalid: return 400;
    case ErrorKind::not_found: return 404;
    case ErrorKind::conflict: return 409;
    case ErrorKind::corrupt: return 502;
    case ErrorKind::unavailable: return 503;
    case ErrorKind::timeout: return 504;
    case ErrorKind::upstream: return 502;
    case ErrorKind::internal: return 500;
  }
  return 500;
}

http::Response error_response(const Error& error) {
  bool ours = error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::internal;
  if (!ours) return http::text_response(http_status(error.kind()), error.what());
  log::error("a request failed", {{"kind", to_string(error.kind())}, {"error", error.what()}});
  auto response = http::text_response(http_status(error.kind()),
                                      "the cache cannot do this now; its log says why");
  if (response.status == 503) response.headers.push_back({"Retry-After", kRetryAfter});
  return response;
}

}  // namespace ncps::server
