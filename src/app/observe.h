// Observing: what ncps says about itself goes to an OpenTelemetry collector, if that is wanted.
#pragma once

#include <memory>

#include "config/serve_options.h"
#include "telemetry/otlp/exporter.h"

namespace ncps::app {

// From construction to stop(): spans are recorded, and sent with the lines of the log and the
// metrics. One at a time.
class Observing {
 public:
  // `registry` outlives it.
  Observing(const otlp::OtlpOptions& options, const config::ServeOptions& serve,
            metrics::Registry& registry);
  ~Observing();

  // Sends what waits, for a few seconds at most.
  void stop();

 private:
  std::unique_ptr<otlp::Exporter> exporter_;
};

// nullptr: it is not wanted. What is wrong with the standard's variables is logged.
std::unique_ptr<Observing> observe(const config::ServeOptions& serve, metrics::Registry& registry);

}  // namespace ncps::app
