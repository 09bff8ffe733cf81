#include "fetch/trace_headers.h"

#include <algorithm>

#include "telemetry/current_span.h"

namespace ncps::fetch {

void add_trace_headers(HttpRequest& request) {
  const auto* current = trace::current();
  if (current == nullptr) return;
  request.headers.emplace_back("traceparent", trace::print_traceparent(*current));
  if (current->state) request.headers.emplace_back("tracestate", *current->state);
}

std::string_view path_of(std::string_view url) noexcept {
  auto scheme = url.find("://");
  auto authority = scheme == url.npos ? 0 : scheme + 3;
  auto begin = std::min(url.find_first_of("/?#", authority), url.size());
  auto path = url.substr(begin);
  return path.substr(0, std::min(path.find_first_of("?#"), path.size()));
}

}  // namespace ncps::fetch
