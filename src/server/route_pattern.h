// The pattern that a request's path follows: what traces call a route. Pure.
#pragma once

#include <string_view>

namespace ncps::server {

// "/{hash}.narinfo", "/nar/{name}"; below /upload with "/upload" before it. A literal; empty: it is
// no path of ours. `path` as sent, without query.
std::string_view route_pattern(std::string_view path);

}  // namespace ncps::server
