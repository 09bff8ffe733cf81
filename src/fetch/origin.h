// Which host a URL leads to: what connections are counted by.
#pragma once

#include <string>
#include <string_view>

namespace ncps::fetch {

// Scheme, host and port of `url`, in lower case, without user and password; the port only if it is
// there.
std::string origin_of(std::string_view url);

}  // namespace ncps::fetch
