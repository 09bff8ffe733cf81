// DegradedLeases: leases of all instances for as long as those can be asked, else of this process alone.
//
// For who would rather have a NAR fetched once by each instance than not at all while Redis is away.
// What this process took meanwhile stays its own until it is given back: nobody else in it gets the
// same from Redis. Says once in the log when that begins, and once when it ends. Thread-safe.
#pragma once

#include <memory>

#include "lock/leases.h"
#include "lock/named_signals.h"

namespace ncps::lock {

// `signals`: those that `shared` notifies.
std::unique_ptr<Leases> make_degraded_leases(std::unique_ptr<Leases> shared,
                                             std::shared_ptr<NamedSignals> signals);

}  // namespace ncps::lock
