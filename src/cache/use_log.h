// UseLog: which narinfos and NARs were used, written to the catalog in batches.
//
// Reading must not cost a write: what is used is remembered in memory, once for each name, and
// written every few seconds. A crash forgets the last seconds, which eviction can live with.
// Bounded: what does not fit between two writes is not noted. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/guarded.h"
#include "db/catalog.h"
#include "db/eviction.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"
#include "storage/blob_key.h"

namespace ncps::cache {

class UseLog {
 public:
  static constexpr std::chrono::seconds kEvery{10};

  // `objects` nullptr: uses of objects are not noted.
  UseLog(Runtime& runtime, db::Catalog& catalog, db::Eviction* objects = nullptr)
      : runtime_(runtime), catalog_(catalog), objects_(objects) {}

  // Without waiting for anything: for the hot path.
  void used(const nix::StorePathHash& hash);
  void used(const nix::NarUrl& url);
  void used(const storage::BlobKey& object, std::uint64_t size);  // bytes

  // It is gone: a use of before, written now, would give it a row again. One that is being written
  // at this moment does so all the same, until that row's turn comes.
  void forget(const storage::BlobKey& object);

  // Whether it was used and that is not written yet, nor being written at this moment.
  bool is_pending(const nix::StorePathHash& hash) const;
  bool is_pending(const nix::NarUrl& url) const;
  bool is_pending(const storage::BlobKey& object) const;

  // Begins to write.
  void start();

  // Writes what has been used up to now. Errors: unavailable; what could not be written is kept for
  // the next time.
  Task<void> write();

  // Writes once more, and ends. Blocks: not from an io thread. False: it has not ended by then.
  bool stop(Deadline deadline);

 private:
  static constexpr std::size_t kShards = 16;  // threads rarely meet
  static constexpr std::size_t kMostInShard = 8'192;
  struct Names {
    std::unordered_set<nix::StorePathHash> narinfos;
    std::unordered_set<nix::NarUrl> nars;
    std::unordered_map<std::string, std::uint64_t> objects;
    std::size_t size() const { return narinfos.size() + nars.size() + objects.size(); }
  };

  template <class Name>
  Guarded<Names>& shard_of(const Name& name) {
    return shards_[std::hash<Name>{}(name) % kShards];
  }
  template <class Name>
  const Guarded<Names>& shard_of(const Name& name) const {
    return shards_[std::hash<Name>{}(name) % kShards];
  }
  boost::asio::awaitable<void> write_again_and_again();
  Task<void> write_some(db::Uses uses);
  void again(const std::unordered_map<std::string, std::uint64_t>& objects);
  Task<void> write_objects(std::vector<db::ObjectUse> objects);

  Runtime& runtime_;
  db::Catalog& catalog_;
  db::Eviction* objects_;
  std::array<Guarded<Names>, kShards> shards_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
  TaskGroup group_;
};

}  // namespace ncps::cache
