#include "cache/download_probe.h"

#include <string>

namespace ncps::cache {
namespace {

metrics::Counter outcome(metrics::Registry& registry, std::string result) {
  return registry.counter({"ncps_downloads_total", "Downloads of NARs that have ended, by how"},
                          {{"result", std::move(result)}});
}

}  // namespace

DownloadProbe::DownloadProbe(metrics::Registry& registry)
    : seconds(registry.histogram(
          {"ncps_upstream_nar_fetch_duration_seconds",
           "From the first question for a NAR to its last byte, of those that came whole"},
          metrics::seconds_bounds())),
      clients(registry.histogram(
          {"ncps_download_clients", "Clients that shared a download while it came"},
          {0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000})),
      stored_(outcome(registry, "stored")),
      passed_on_(outcome(registry, "passed_on")),
      removed_(outcome(registry, "removed")),
      missing_(outcome(registry, "missing")),
      corrupt_(outcome(registry, "corrupt")),
      upstream_(outcome(registry, "upstream")),
      timeout_(outcome(registry, "timeout")),
      ours_(outcome(registry, "not_kept")) {}

void DownloadProbe::ended(const Error* error) const noexcept {
  if (error == nullptr) return stored_.add();
  switch (error->kind()) {
    case ErrorKind::not_found: return missing_.add();
    case ErrorKind::conflict: return;  // at rest already: nothing was downloaded; or see removed()
    case ErrorKind::corrupt: return corrupt_.add();
    case ErrorKind::upstream: return upstream_.add();
    case ErrorKind::timeout: return timeout_.add();
    case ErrorKind::invalid:
    case ErrorKind::unavailable:
    case ErrorKind::internal: return ours_.add();
  }
}

}  // namespace ncps::cache
