#include "cache/eviction_probe.h"

namespace ncps::cache {

EvictionProbe::EvictionProbe(metrics::Registry& registry)
    : rounds(
          registry.counter({"ncps_lru_cleanup_runs_total", "Rounds that have evicted something"})),
      failed(registry.counter({"ncps_lru_cleanup_failures_total",
                               "Rounds that could not be finished, or found too little"})),
      nars(registry.counter({"ncps_lru_nar_files_evicted_total", "NARs that were evicted"})),
      narinfos(registry.counter({"ncps_lru_narinfos_evicted_total", "Narinfos that were evicted"})),
      objects(registry.counter({"ncps_lru_objects_evicted_total",
                                "Logs, listings, realisations and debug links that were evicted"})),
      bytes(registry.counter({"ncps_lru_bytes_freed_total", "Bytes that eviction has freed"})),
      seconds(registry.histogram(
          {"ncps_lru_cleanup_duration_seconds", "How long a round took that has evicted something"},
          metrics::seconds_bounds())) {}

}  // namespace ncps::cache
