// Delivery: gets one request after the other to where it belongs, and says what becomes of them.
//
// Each has one thread that calls it; give_up_at() may be called from another.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "telemetry/otlp/otlp_options.h"

namespace ncps::otlp {

enum class Signal : std::uint8_t { traces, logs, metrics };
std::string_view to_string(Signal signal) noexcept;

class Delivery {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Delivery() = default;

  // Blocks until it is there, or will not be: at most OtlpOptions::timeout. Returns how many of the
  // `items` in it were taken: a collector may refuse some. What goes wrong is logged when it begins
  // and when it is over.
  virtual std::size_t deliver(const std::string& request, std::size_t items) = 0;

  // No attempt goes on after that (to about a second), and nothing is tried again.
  virtual void give_up_at(Clock::time_point when) noexcept = 0;
};

// To the collector: tried again, with growing delays, only where it is away (UNAVAILABLE).
std::unique_ptr<Delivery> make_grpc_delivery(Signal signal, const OtlpOptions& options,
                                             std::string user_agent);

// A line each, to that descriptor (stdout).
std::unique_ptr<Delivery> make_line_delivery(int fd);

// How many items a collector says that it has not taken (ExportPartialSuccess); 0: none, or it is no
// such message. Pure.
std::uint64_t rejected_items(std::string_view reply) noexcept;

}  // namespace ncps::otlp
