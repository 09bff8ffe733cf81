// One line of the log, as it is sent to a collector.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "telemetry/attribute.h"
#include "telemetry/log.h"
#include "telemetry/trace_context.h"

namespace ncps::telemetry {

struct LogRecord {
  std::uint64_t time_ns = 0;  // since 1970
  log::Level level = log::Level::info;
  std::string message;
  std::vector<Attribute> attributes;
  trace::SpanContext context;  // of the span it was written in; not valid: of none
};

}  // namespace ncps::telemetry
