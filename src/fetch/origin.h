// Which host a URL leads to: what connections are counted by.
#pragma once

#include <string>
#include <string_view>

namespace ncps::fetch {

// Scheme, host and port of `url`, in lower case, without user and password; the port only if it is
// there.
std::string origin_of(std::string_view url);

// The host alone of an origin; an IPv6 address with its brackets. Points into `origin`.
std::string_view host_of(std::string_view origin);

}  // namespace ncps::fetch
