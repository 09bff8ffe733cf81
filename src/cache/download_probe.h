// What is counted about downloads of NARs. One that is made without a Registry counts nowhere.
#pragma once

#include "base/error.h"
#include "telemetry/registry.h"

namespace ncps::cache {

struct DownloadProbe {
  DownloadProbe() = default;
  explicit DownloadProbe(metrics::Registry& registry);

  // It has ended, because of `error`; nullptr: it is stored.
  void ended(const Error* error) const noexcept;
  // It has ended well, and is another instance's to store, or nobody's.
  void passed_on() const noexcept { passed_on_.add(); }
  // All of it came, and was removed (DELETE) before it could be stored. Then ended() says conflict.
  void removed() const noexcept { removed_.add(); }

  metrics::Histogram seconds;  // from its first question to the last byte, of what came whole
  metrics::Histogram clients;  // who has read it while it came, or wanted to; of each download

 private:
  metrics::Counter stored_, passed_on_, removed_, missing_, corrupt_, upstream_, timeout_, ours_;
};

}  // namespace ncps::cache
