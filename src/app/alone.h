// Commands that mend or adopt what is kept: one at a time, of all that use one Redis.
#pragma once

#include <memory>

#include "config/serve_options.h"
#include "lock/leases.h"
#include "rt/runtime.h"

namespace ncps::app {

struct Alone {
  std::unique_ptr<lock::Leases> leases;  // before the lease, which goes first
  std::unique_ptr<lock::Lease> lease;
};

// Ours for as long as it lives. The runtime must outlive it. Errors: conflict (another is at work),
// unavailable (nobody can be asked).
Result<Alone> take_alone(const config::ServeOptions& options, Runtime& runtime);

}  // namespace ncps::app
