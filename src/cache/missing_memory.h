// MissingMemory: hashes that every upstream has said to have no narinfo for, a short while ago.
//
// Clients ask for each path of a closure, those that only they have included: without this, each of
// these questions would go to every upstream, every time. An Error is never remembered. Whoever has
// it asks the catalog first: what has come meanwhile is found there. Bounded; thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "base/guarded.h"
#include "nix/store_path_hash.h"

namespace ncps::cache {

class MissingMemory {
 public:
  using Clock = std::chrono::steady_clock;

  // A ttl of 0 remembers nothing.
  explicit MissingMemory(std::chrono::milliseconds ttl, std::size_t most = 100'000)
      : ttl_(ttl.count()), most_(most) {}

  // The state of the world before the upstreams are asked: what is put under another one, because
  // something has changed meanwhile, is not remembered. `returns`: the sum of Upstream::returns().
  struct World {
    std::uint64_t epoch, returns;
    friend bool operator==(const World&, const World&) = default;
  };
  World world(std::uint64_t returns) const { return {epoch_.load(), returns}; }

  void put(const nix::StorePathHash& hash, World world, Clock::time_point now);
  bool has(const nix::StorePathHash& hash, World world, Clock::time_point now);

  // Other upstreams, or other keys.
  void forget_all() { ++epoch_; }

  void set_ttl(std::chrono::milliseconds ttl) { ttl_ = ttl.count(); }

 private:
  struct Entry {
    Clock::time_point expires;
    World world;
  };
  using Map = std::unordered_map<nix::StorePathHash, Entry>;

  std::atomic<std::int64_t> ttl_;  // milliseconds
  std::size_t most_;
  std::atomic<std::uint64_t> epoch_{0};
  Guarded<Map> missing_;
};

}  // namespace ncps::cache
