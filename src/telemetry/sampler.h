// Which traces are recorded. Pure.
//
// Source: OpenTelemetry, "Environment Variable Specification": OTEL_TRACES_SAMPLER and
// OTEL_TRACES_SAMPLER_ARG.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "telemetry/trace_context.h"

namespace ncps::trace {

class Sampler {
 public:
  // All that nobody else decides about; what a client has decided about is as it decided.
  Sampler() = default;

  // Names as the source has them: always_on, always_off, traceidratio, and the same after
  // "parentbased_". `argument`: of a ratio, from 0 to 1; empty: 1.
  // Errors: invalid: no such name, no such number.
  static Result<Sampler> parse(std::string_view name, std::string_view argument);

  // Whether a trace that begins here, or goes on here after `parent`, is recorded. The same id
  // always gets the same answer.
  bool samples(const TraceId& id, const SpanContext* parent) const noexcept;

  const std::string& name() const noexcept { return name_; }

 private:
  std::string name_ = "parentbased_always_on";
  bool by_parent_ = true;
  std::uint64_t below_ = std::uint64_t{1} << 63;  // of 63 bits of the id
};

}  // namespace ncps::trace
