#include "http/server_probe.h"

#include <algorithm>
#include <string>

namespace ncps::http {
namespace {

constexpr std::array<std::string_view, 6> kMethodNames{"GET",  "HEAD",   "PUT",
                                                       "POST", "DELETE", "_OTHER"};

}  // namespace

ServerProbe::ServerProbe(metrics::Registry& registry)
    : active(registry.gauge({"http_server_active_requests", "Requests that are being answered"})),
      accepted(registry.counter(
          {"ncps_http_connections_accepted_total", "Connections that clients have made"})),
      turned_away(registry.counter({"ncps_http_connections_turned_away_total",
                                    "Connections that got 503 because there were too many"})),
      over_share(registry.counter({"ncps_http_connections_over_share_total",
                                   "Connections that got 429: too many of one address"})),
      bad_headers(registry.counter({"ncps_http_proxy_headers_refused_total",
                                    "Connections of proxies without a good PROXY header"})),
      broken_off(registry.counter(
          {"ncps_http_responses_broken_off_total",
           "Answers that a client did not get whole: it left, or the body failed"})),
      sent_bytes(registry.counter(
          {"ncps_http_sent_bytes_total", "Bytes of bodies that were sent to clients"})) {
  for (std::size_t f = 0; f < kTlsFailures; ++f)
    tls_failures_[f] = registry.counter(
        {"ncps_tls_handshake_failures_total", "Connections of which no TLS connection came"},
        {{"reason", std::string(to_string(static_cast<TlsFailure>(f)))}});
  for (std::size_t m = 0; m < kMethods; ++m) {
    std::string method(kMethodNames[m]);
    metrics::Labels labels{{"http_request_method", method}};
    seconds_[m] = registry.histogram({"http_server_request_duration_seconds",
                                      "From the end of a request's head to the end of its answer"},
                                     metrics::seconds_bounds(), labels);
    for (std::size_t s = 0; s <= kStatuses.size(); ++s) {
      auto status = s < kStatuses.size() ? std::to_string(kStatuses[s]) : "other";
      requests_[m][s] = registry.counter(
          {"http_server_requests_total", "Requests that were answered"},
          {{"http_request_method", method}, {"http_response_status_code", status}});
    }
  }
}

void ServerProbe::handled(Method method, unsigned status, std::uint64_t bytes,
                          double seconds) const noexcept {
  auto m = static_cast<std::size_t>(method);
  auto s = static_cast<std::size_t>(std::ranges::find(kStatuses, status) - kStatuses.begin());
  requests_[m][s].add();
  seconds_[m].observe(seconds);
  if (bytes > 0) sent_bytes.add(bytes);
}

}  // namespace ncps::http
