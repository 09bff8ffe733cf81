// What is counted about making room. One that is made without a Registry counts nowhere.
//
// The names are those of the Go program; there it was a run by the clock, here it is a round.
#pragma once

#include <cstdint>

#include "telemetry/registry.h"

namespace ncps::cache {

struct EvictionProbe {
  EvictionProbe() = default;
  explicit EvictionProbe(metrics::Registry& registry);

  metrics::Counter rounds;  // that have evicted something; not those that only count
  metrics::Counter failed;  // that failed, or found too little
  metrics::Counter nars, narinfos, objects, bytes;
  metrics::Histogram seconds;
};

}  // namespace ncps::cache
