// What is counted about leases. One that is made without a Registry counts nowhere.
//
// The names, and the words of their labels, are those of the Go program: `mode` is local or
// distributed, `result` success, contention (somebody else has it) or failure (could not find out).
// There is one kind of lock here, `type` exclusive.
#pragma once

#include "telemetry/registry.h"

namespace ncps::lock {

enum class Mode : bool { local, distributed };

struct LeaseProbe {
  LeaseProbe() = default;
  LeaseProbe(metrics::Registry& registry, Mode mode);

  metrics::Counter taken, somebody_elses, failed;
  metrics::Histogram asking_seconds;  // until the answer to one question
  metrics::Histogram held_seconds;    // from taking to giving back, or losing

  // Why questions failed, and what was tried again: for who knows, such as lock/redis.
  metrics::Counter timed_out, redis_failed, retries;
};

}  // namespace ncps::lock
