// Leases: who, of several instances that share a store, may do a piece of work now.
//
// A lease has a name, such as "download:nar:nar/0a….nar.xz" or "lru", and at most one holder. It is
// renewed for as long as the Lease object lives and its work comes on (Ask::stalls_after), and ends by
// itself a while (its time to live) after its holder has died. Nobody can be sure of holding one after a long pause: what it protects is
// written with its fence, and whoever comes with a smaller one is refused there.
//
// Reads need no lease. Implementations: LocalLeases (this process only), lock/redis (all instances
// that use one Redis). Both pass testing/leases_contract.h. Thread-safe. Leases are destroyed after
// every Lease that they gave, and after every try_take() has returned.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "rt/deadline.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::lock {

// Ours. Destroying it gives it back, soon and without waiting, and wakes those who wait for it.
class Lease {
 public:
  virtual ~Lease() = default;

  // False: it was lost (it could not be renewed in time, somebody took it away, or its work stood still):
  // end the work, publish nothing. Never true again after that. True is no promise: see fence().
  virtual bool good() const noexcept = 0;

  // The work has come on by a step; the next one may take `longer` than usual. Cheap, from any thread.
  virtual void progress(std::chrono::milliseconds longer) noexcept { static_cast<void>(longer); }
  void progress() noexcept { progress(std::chrono::milliseconds(0)); }

  // Greater than that of any earlier holder of this name. 0: there is nothing to be fenced, as the
  // store is ours alone, or the operator allowed to go on without Redis.
  virtual std::uint64_t fence() const noexcept = 0;
};

// Somebody else, as it told of itself.
struct Holder {
  std::string note;         // what it gave with its Ask: for a download, where to read it from
  std::uint64_t fence = 0;  // of its lease
};

// What came of asking: it is ours, or whose it is.
using Taken = std::variant<std::unique_ptr<Lease>, Holder>;

struct Ask {
  std::string name;  // at most 512 bytes, any
  std::string note;  // at most 1024 bytes, any; no secret: it is stored in Redis
  std::chrono::milliseconds time_to_live{300'000};  // after the last renewal; at least 100 ms

  // Without Lease::progress() for so long the holder counts as dead, though it lives (its disk hangs):
  // the lease is lost, and given back at once. At least 100 ms. nullopt: it is kept while it is wanted.
  // Where there are no others nobody waits for it: there it is never lost.
  std::optional<std::chrono::milliseconds> stalls_after = {};
};

// Errors: invalid.
Result<void> check(const Ask& ask);

class Leases {
 public:
  virtual ~Leases() = default;

  // Takes it, if nobody has it. Whoever holds it already is somebody else, too. Errors: unavailable
  // (could not find out: then nobody may do the work); timeout; invalid (an Ask beyond its limits).
  virtual Task<Taken> try_take(Ask ask, Deadline deadline) = 0;

  // Notified when a lease of that name was given back, and when word of that may have been missed;
  // not when one expires: so whoever waits looks again now and then. Look at its version before
  // try_take(). Nobody need wait for it; it is kept for as long as somebody has it.
  virtual std::shared_ptr<Signal> given_back(const std::string& name) = 0;

  // Why leases cannot be had just now, for /readyz and the log. Empty: nothing is known.
  virtual std::string trouble() const { return {}; }
};

}  // namespace ncps::lock
