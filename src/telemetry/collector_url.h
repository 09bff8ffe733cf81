// Where an OpenTelemetry collector listens, as --otel-grpc-url says it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::telemetry {

struct CollectorUrl {
  bool tls = true;
  std::string host;  // an IPv6 address with its brackets
  std::uint16_t port = 0;

  std::string str() const;  // "https://host:port"
};

// http:// is plain, https:// or no scheme is TLS. Without a port: 4317, the standard's, if plain, and
// 443 over TLS, as gRPC has it.
// Errors: invalid, in words that repeat no password.
Result<CollectorUrl> parse_collector_url(std::string_view text);

}  // namespace ncps::telemetry
