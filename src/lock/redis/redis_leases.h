// Leases that all instances with one Redis, or one Redis cluster, agree on.
//
// Source of the idea: SET NX PX with a token of the owner, as the Redis documentation describes it;
// of the fence: what that alone lacks (docs/decisions/0012-leases.md). Has a thread of its own, so
// that a busy one does not delay renewals.
#pragma once

#include <memory>

#include "lock/leases.h"
#include "lock/named_signals.h"
#include "lock/redis/redis_options.h"

namespace ncps::redis {

// Redis need not be there. `signals` may be shared with other Leases of this process. Destroying it
// gives back what still is to be given back, for 2 s. Errors: invalid (no certificates in the CA file).
Result<std::unique_ptr<lock::Leases>> open_redis_leases(
    RedisOptions options,
    std::shared_ptr<lock::NamedSignals> signals = std::make_shared<lock::NamedSignals>());

}  // namespace ncps::redis
