// The leases that the options name: those of all instances with one Redis, or our own.
#pragma once

#include <memory>

#include "config/serve_options.h"
#include "lock/leases.h"
#include "rt/runtime.h"

namespace ncps::app {

// A Redis that cannot be reached, or does not let us in, is a warning: hits go on without it, and it
// is found when it is there. Blocks for some seconds at most. The runtime must outlive the leases.
// Errors: as of open_redis_leases.
Result<std::unique_ptr<lock::Leases>> open_leases(const config::ServeOptions& options,
                                                  Runtime& runtime);

}  // namespace ncps::app
