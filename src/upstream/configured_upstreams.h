// ConfiguredUpstreams: the upstreams of the options. One whose options are as they were stays the same
// object, so that a reload forgets nothing of what is known about it: standing, priority, delays.
//
// For one thread.
#pragma once

#include <vector>

#include "upstream/http_upstream.h"

namespace ncps::upstream {

class ConfiguredUpstreams {
 public:
  // `client` and `registry` must outlive it, and every Upstream. nullptr: nothing is counted.
  explicit ConfiguredUpstreams(fetch::HttpClient& client, metrics::Registry* registry = nullptr)
      : client_(client), registry_(registry) {}

  // In the order of `options`.
  UpstreamList use(const std::vector<HttpUpstreamOptions>& options);

 private:
  struct Configured {
    HttpUpstreamOptions options;
    std::shared_ptr<Upstream> upstream;
  };
  UpstreamProbe probe_of(const HttpUpstreamOptions& options) const;

  fetch::HttpClient& client_;
  metrics::Registry* registry_;
  std::vector<Configured> now_;
};

}  // namespace ncps::upstream
