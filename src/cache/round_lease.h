// RoundLease: who may evict. Instances that share a store and a database must not do so at once.
//
// This is the place for a lock that they share; until there is one, each instance is alone.
#pragma once

#include <memory>

#include "rt/task.h"

namespace ncps::cache {

class RoundLease {
 public:
  // Ours for as long as it lives.
  class Held {
   public:
    virtual ~Held() = default;
    // False: it was lost, and the round must end.
    virtual bool good() const { return true; }
  };

  virtual ~RoundLease() = default;

  // nullptr: another instance evicts now. Errors: could not find out.
  virtual Task<std::unique_ptr<Held>> try_take() = 0;
};

// The only instance.
class AloneLease final : public RoundLease {
 public:
  Task<std::unique_ptr<Held>> try_take() override { co_return std::make_unique<Held>(); }
};

}  // namespace ncps::cache
