#include "lock/lease_probe.h"

#include <string>

namespace ncps::lock {
namespace {

std::string name_of(Mode mode) {
  return mode == Mode::local ? "local" : "distributed";
}

metrics::Counter asked(metrics::Registry& registry, Mode mode, std::string result) {
  return registry.counter(
      {"ncps_lock_acquisitions_total", "Questions for a lease, by the answer"},
      {{"mode", name_of(mode)}, {"result", std::move(result)}, {"type", "exclusive"}});
}

metrics::Counter failure(metrics::Registry& registry, Mode mode, std::string reason) {
  return registry.counter({"ncps_lock_failures_total", "Questions for a lease that failed, by why"},
                          {{"mode", name_of(mode)}, {"reason", std::move(reason)}});
}

}  // namespace

LeaseProbe::LeaseProbe(metrics::Registry& registry, Mode mode)
    : taken(asked(registry, mode, "success")),
      somebody_elses(asked(registry, mode, "contention")),
      failed(asked(registry, mode, "failure")),
      asking_seconds(registry.histogram(
          {"ncps_lock_wait_seconds", "Until a question for a lease was answered"},
          metrics::seconds_bounds(), {{"mode", name_of(mode)}})),
      held_seconds(
          registry.histogram({"ncps_lock_hold_duration_seconds", "How long leases were held"},
                             metrics::seconds_bounds(), {{"mode", name_of(mode)}})),
      timed_out(failure(registry, mode, "timeout")),
      redis_failed(failure(registry, mode, "redis_error")),
      retries(
          registry.counter({"ncps_lock_retry_attempts_total", "Questions that were asked again"},
                           {{"mode", name_of(mode)}, {"type", "exclusive"}})) {}

}  // namespace ncps::lock
