// Hot narinfos, ready to write: the answers that need no disk, no database and no upstream.
//
// Bounded in bytes; what has not been asked for lately goes first (two generations: the older one
// is dropped when the younger has filled its half); what is larger than a half is not kept.
// Where others change what is kept, too (other instances with the same store), what they removed or changed is
// given for a while at most.
// Sharded, so that threads rarely meet. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/guarded.h"
#include "http/response.h"
#include "nix/store_path_hash.h"

namespace ncps::server {

// By the steady clock.
using HotSecond = std::chrono::time_point<std::chrono::steady_clock, std::chrono::seconds>;

struct HotNarInfo {
  std::shared_ptr<const http::Prepared> prepared;
  std::string etag;
  HotSecond as_of{};  // what it was made of was looked up then, or later
};

class NarInfoMemory {
 public:
  // `lasts`: for how long what was put is given to who says what time it is; it stays, for when nobody can say
  // what it is now. nullopt: until something else ends it.
  explicit NarInfoMemory(std::size_t bytes, std::optional<std::chrono::seconds> lasts = {})
      : bytes_per_half_shard_(bytes / kShards / 2), lasts_(lasts) {}

  // nullptr: not here, or not of so late a time.
  std::shared_ptr<const HotNarInfo> find(const nix::StorePathHash& hash, HotSecond now = {});

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

  void erase_young(Shard& shard, Map::iterator it);
  bool is_over(const HotNarInfo& info, HotSecond now) const {
    return lasts_ && now - info.as_of >= *lasts_;
  }

  const std::size_t bytes_per_half_shard_;
  const std::optional<std::chrono::seconds> lasts_;
  void changed() { version_.store(versions_.fetch_add(1), std::memory_order_release); }

  static inline std::atomic<std::uint64_t> versions_{1};
  std::atomic<std::uint64_t> epoch_{0};
  std::atomic<std::uint64_t> version_{versions_.fetch_add(1)};
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace ncps::server
