// Exporter: what this process says about itself goes to a collector, or to stdout.
//
// Three threads, one for each signal, of which none waits for another: a collector that hangs costs
// telemetry, never a request. What waits is bounded; what is lost is counted.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "telemetry/otlp/delivery.h"
#include "telemetry/otlp/messages.h"
#include "telemetry/otlp/otlp_options.h"
#include "telemetry/registry.h"

namespace ncps::otlp {

using LogQueue = telemetry::ExportQueue<telemetry::LogRecord>;

// One for each signal; the threads of the Exporter own them.
struct Deliveries {
  std::unique_ptr<Delivery> traces, logs, metrics;
};

// As the options say. `user_agent`: how we name ourselves.
Deliveries make_deliveries(const OtlpOptions& options, const std::string& user_agent);

class Exporter {
 public:
  // Begins. `registry` is what is sent as metrics; it also counts what becomes of all three. It must
  // outlive this.
  Exporter(const OtlpOptions& options, Speaker speaker, Deliveries deliveries,
           metrics::Registry& registry);
  ~Exporter();  // stops, in two seconds at most
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Into these; good as long as somebody holds them. After the stop they take nothing.
  std::shared_ptr<trace::SpanQueue> spans() const noexcept { return spans_; }
  std::shared_ptr<LogQueue> logs() const noexcept { return logs_; }

  // Sends what waits, and the metrics once more, until that time; then it is lost. Returns at most
  // about a second later. The second call does nothing.
  void stop(std::chrono::steady_clock::time_point until);

 private:
  struct Impl;
  std::shared_ptr<trace::SpanQueue> spans_;
  std::shared_ptr<LogQueue> logs_;
  std::unique_ptr<Impl> impl_;
};

// What is known about this process without asking anybody: name and system of the host, number and
// instance of the process. No arguments, no environment: secrets lie there.
std::vector<telemetry::ResourceAttribute> describe_process(std::string_view version);

}  // namespace ncps::otlp
