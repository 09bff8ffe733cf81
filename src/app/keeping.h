// What commands other than serve need of the options: storage, database and keys.
#pragma once

#include <string_view>

#include "cache/nar_info_judge.h"
#include "config/load.h"

namespace ncps::app {

// False: there are mistakes that matter, which were said on stderr. A server's name and upstreams do
// not.
bool usable(const config::Loaded& loaded);

// The directory of a local store is there. Errors: unavailable.
Result<void> check_root(const config::ServeOptions& options);

// What is kept is judged by; nothing is signed. Warns on stderr if nothing can be verified.
cache::Trust keeping_trust(const config::ServeOptions& options);

}  // namespace ncps::app
