#include "upstream/configured_upstreams.h"

#include <algorithm>
#include <utility>

namespace ncps::upstream {

UpstreamProbe ConfiguredUpstreams::probe_of(const HttpUpstreamOptions& options) const {
  return registry_ == nullptr ? UpstreamProbe() : UpstreamProbe(*registry_, options.url.masked());
}

UpstreamList ConfiguredUpstreams::use(const std::vector<HttpUpstreamOptions>& options) {
  auto before = std::exchange(now_, {});
  UpstreamList list;
  for (const auto& one : options) {
    auto same = std::ranges::find(before, one, &Configured::options);
    if (same != before.end()) {
      now_.push_back(std::move(*same));
      before.erase(same);
    } else {
      now_.push_back({.options = one, .upstream = make_http_upstream(one, client_, probe_of(one))});
    }
    list.push_back(now_.back().upstream);
  }
  return list;
}

}  // namespace ncps::upstream
