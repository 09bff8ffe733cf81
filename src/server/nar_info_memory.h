// Hot narinfos, ready to write: the answers that need no disk, no database and no upstream.
//
// Bounded in bytes; what has not been asked for lately goes first (two generations: the older one
// is dropped when the younger has filled its half); what is larger than a half is not kept.
// Sharded, so that threads rarely meet. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "http/response.h"
#include "nix/store_path_hash.h"

namespace ncps::server {

struct HotNarInfo {
  std::shared_ptr<const http::Prepared> prepared;
  std::string etag;
};

class NarInfoMemory {
 public:
  explicit NarInfoMemory(std::size_t bytes) : bytes_per_half_shard_(bytes / kShards / 2) {}

  // nullptr: not here.
  std::shared_ptr<const HotNarInfo> find(const nix::StorePathHash& hash);

  // `epoch` is that of before the answer was made: what was made before the last forget(), whatever its
  // hash, or forget_all() is not kept.
  void put(const nix::StorePathHash& hash, HotNarInfo info, std::uint64_t epoch);
  std::uint64_t epoch() const noexcept { return epoch_.load(); }

  // Another number once something that find() gave is no longer what it gives; no two memories ever have
  // the same. Read it before find().
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  // This one is another now, or gone. (Answers that are being made are not kept, either.)
  void forget(const nix::StorePathHash& hash);

  // The answers would be others now: keys have changed.
  void forget_all();

 private:
  static constexpr std::size_t kShards = 16;
  using Map = std::unordered_map<nix::StorePathHash, std::shared_ptr<const HotNarInfo>>;
  struct Shard {
    Map young, old;
    std::size_t young_bytes = 0;
  };

  void insert(Shard& shard, const nix::StorePathHash& hash, std::shared_ptr<const HotNarInfo> info);
  Guarded<Shard>& shard_of(const nix::StorePathHash& hash);

  std::size_t bytes_per_half_shard_;
  void changed() { version_.store(versions_.fetch_add(1), std::memory_order_release); }

  static inline std::atomic<std::uint64_t> versions_{1};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> version_{versions_.fetch_add(1)};
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace ncps::server
