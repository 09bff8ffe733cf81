// What a server counts about its requests and connections.
//
// One that is made without a Registry counts nowhere. Source of the names: those of the Go program,
// http_server_*; of their labels: OpenTelemetry, "Semantic conventions for HTTP metrics".
#pragma once

#include <array>
#include <cstdint>

#include "http/request.h"
#include "http/tls_stream.h"
#include "telemetry/registry.h"

namespace ncps::http {

struct ServerProbe {
  ServerProbe() = default;
  explicit ServerProbe(metrics::Registry& registry);

  // One request has had its answer: `status`, so many bytes of body sent, after so many seconds.
  void handled(Method method, unsigned status, std::uint64_t bytes, double seconds) const noexcept;

  void refused_tls(TlsFailure failure) const noexcept {
    tls_failures_[static_cast<std::size_t>(failure)].add();
  }

  metrics::Gauge active;         // requests being answered
  metrics::Counter accepted;     // connections
  metrics::Counter turned_away;  // connections: there were too many
  metrics::Counter over_share;   // connections: there were too many of that address
  metrics::Counter bad_headers;  // connections that had to begin with a PROXY header
  metrics::Counter broken_off;   // answers that the client did not get whole
  metrics::Counter sent_bytes;   // of bodies

 private:
  static constexpr std::size_t kMethods = 6;  // as Method has them
  static constexpr std::array<unsigned, 28> kStatuses{
      200, 204, 206, 304, 307, 400, 401, 403, 404, 405, 408, 409, 411, 413,
      414, 415, 416, 417, 422, 429, 431, 500, 501, 502, 503, 504, 505, 507};

  std::array<std::array<metrics::Counter, kStatuses.size() + 1>, kMethods>
      requests_;  // the last: others
  std::array<metrics::Histogram, kMethods> seconds_;
  std::array<metrics::Counter, kTlsFailures> tls_failures_;
};

}  // namespace ncps::http
