// The options of Redis and of leases.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/reader.h"
#include "config/serve_options.h"

namespace ncps::config {

// Into redis, download_lease, lru_lease and degraded_leases. Warnings are added.
void read_redis(Reader& read, const RawValues& values, ServeOptions& into,
                std::vector<std::string>& warnings);

}  // namespace ncps::config
