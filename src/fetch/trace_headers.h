// What a request tells the server of the trace that it is made in.
//
// Source: W3C Trace Context.
#pragma once

#include <string>
#include <string_view>

#include "fetch/http_client.h"

namespace ncps::fetch {

// Adds traceparent and tracestate, if there is a current span (telemetry/span.h).
void add_trace_headers(HttpRequest& request);

// The path of a URL, without user, password and query: for a span. Pure.
std::string_view path_of(std::string_view url) noexcept;

}  // namespace ncps::fetch
