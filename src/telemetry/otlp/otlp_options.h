// How OpenTelemetry is spoken: what the option and the standard's variables say.
//
// Source: OpenTelemetry, "Environment Variable Specification" and "OTLP Exporter Configuration". A
// value that makes no sense is as good as none there, and a warning here.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "telemetry/attribute.h"
#include "telemetry/collector_url.h"
#include "telemetry/sampler.h"

namespace ncps::otlp {

struct BatchOptions {
  std::size_t queue = 2'048;               // that wait; what comes then is lost
  std::size_t batch = 512;                 // sent at once
  std::chrono::milliseconds delay{5'000};  // until less than a batch is sent
};

struct OtlpOptions {
  bool disabled = false;                             // OTEL_SDK_DISABLED
  std::optional<telemetry::CollectorUrl> collector;  // absent: JSON lines on stdout
  // Sent with each request; values may be secrets.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string ca_file;  // trusted instead of the system's; empty: the system's
  std::chrono::milliseconds timeout{10'000};  // of one export, its retries included
  BatchOptions spans;
  BatchOptions logs{.delay = std::chrono::milliseconds(1'000)};
  std::chrono::milliseconds metric_interval{60'000};
  trace::Sampler sampler;
  // service.name first, and what OTEL_RESOURCE_ATTRIBUTES says.
  std::vector<telemetry::ResourceAttribute> resource;
  std::vector<std::string> warnings;  // one line each, without values that may be secrets
};

using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// `collector`: as --otel-grpc-url says. Absent: as OTEL_EXPORTER_OTLP_ENDPOINT does, if it is there.
OtlpOptions read_otlp_options(std::optional<telemetry::CollectorUrl> collector,
                              const Lookup& variable);

// "a=1,b=x%20y": percent-decoded. nullopt: malformed.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text);

}  // namespace ncps::otlp
