// The requests of the three OTLP services: what spans, lines of the log and metrics look like on the
// wire.
//
// Source: opentelemetry-proto 1.x, the fields that we send; the same in .proto form, for tests:
// testing/otlp.proto. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "telemetry/log_record.h"
#include "telemetry/registry.h"
#include "telemetry/span.h"

namespace ncps::otlp {

using Spans = std::vector<std::unique_ptr<trace::SpanData>>;
using Logs = std::vector<telemetry::LogRecord>;

// Metrics as they were at a time. Counters and histograms count from `start_ns` on.
struct Picture {
  std::vector<metrics::Family> families;
  std::uint64_t start_ns = 0, time_ns = 0;  // since 1970
};

// Who says it: the same in every message.
struct Speaker {
  std::vector<telemetry::ResourceAttribute> resource;
  std::string version;  // of the program that measures itself
};

enum class Form : std::uint8_t { protobuf, json };

std::string request(Form form, const Speaker& speaker, const Spans& spans);
std::string request(Form form, const Speaker& speaker, const Logs& logs);
std::string request(Form form, const Speaker& speaker, const Picture& picture);

}  // namespace ncps::otlp
