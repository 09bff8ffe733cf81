// Pins: store paths whose closures are never evicted.
//
// Implementation: db/soci; testing/eviction_contract.h. Thread-safe. Nothing blocks the caller's
// thread. Errors of every function: unavailable.
#pragma once

#include <string>
#include <vector>

#include "nix/store_path_hash.h"
#include "rt/task.h"

namespace ncps::db {

struct Pin {
  nix::StorePathHash hash;
  std::string store_path;  // empty: not known
};

class Pins {
 public:
  virtual ~Pins() = default;

  // The oldest first.
  virtual Task<std::vector<Pin>> list() = 0;

  // A path that was not known becomes known. False: it was pinned already.
  virtual Task<bool> add(Pin pin) = 0;

  // False: it was not pinned.
  virtual Task<bool> remove(nix::StorePathHash hash) = 0;
};

}  // namespace ncps::db
