// What the system knows of this process: memory, time, descriptors, threads.
//
// The names are those of Prometheus' client libraries. Source: proc(5), /proc/self. What cannot be read
// is left out.
#pragma once

#include <vector>

#include "telemetry/registry.h"

namespace ncps::metrics {

// For as long as what this gives lives.
[[nodiscard]] std::vector<Registry::Asked> ask_process(Registry& registry);

}  // namespace ncps::metrics
