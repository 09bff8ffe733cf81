// NamedSignals: a Signal for each name that somebody waits for, and for no other.
//
// Several Leases of one process may share one, so that whoever waits is woken by each of them.
// Thread-safe. Bounded by those who wait: a signal goes with the last of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "rt/signal.h"

namespace ncps::lock {

class NamedSignals {
 public:
  NamedSignals();

  // May outlive this.
  std::shared_ptr<Signal> of(const std::string& name);

  void notify(const std::string& name);
  void notify_all();

  std::size_t size() const;  // names that somebody waits for

 private:
  using Map = std::unordered_map<std::string, std::weak_ptr<Signal>>;
  std::shared_ptr<Guarded<Map>> map_;  // shared with the signals, which leave it when they go
};

}  // namespace ncps::lock
