// PinnedClosure: every store path that a pin keeps: those that are pinned, and what they refer to,
// as far as the narinfos that are kept here say. What is not known now may be at the next look.
//
// For one coroutine at a time. Errors are never an empty closure: who cannot find out what is
// pinned must not evict anything.
#pragma once

#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "db/catalog.h"
#include "db/pins.h"
#include "storage/blob_store.h"

namespace ncps::cache {

class PinnedClosure {
 public:
  static constexpr std::size_t kMost = 1'000'000;  // store paths
  static constexpr std::chrono::minutes kBelieved{10};

  // `believed`: how long a narinfo that was read is not read again.
  PinnedClosure(db::Pins& pins, db::Catalog& catalog, storage::BlobStore& store,
                std::chrono::milliseconds believed = kBelieved)
      : pins_(pins), catalog_(catalog), store_(store), believed_(believed) {}

  // Looks again, for pins and narinfos. Errors: unavailable; also if there are more than kMost.
  Task<void> refresh();

  // The closure of these, instead.
  Task<void> walk(std::vector<nix::StorePathHash> roots);

  const std::unordered_set<nix::StorePathHash>& members() const { return members_; }
  bool contains(const nix::StorePathHash& hash) const { return members_.contains(hash); }
  std::size_t size() const { return members_.size(); }

 private:
  using References = std::vector<nix::StorePathHash>;
  Task<const References*> references_of(nix::StorePathHash hash);  // nullptr: no narinfo here

  db::Pins& pins_;
  db::Catalog& catalog_;
  storage::BlobStore& store_;
  std::unordered_set<nix::StorePathHash> members_;
  const std::chrono::milliseconds believed_;
  // Of members whose narinfo was here. A path may be sent anew with other references, also to another instance.
  std::unordered_map<nix::StorePathHash, References> known_;
  std::chrono::steady_clock::time_point known_since_{};
};

}  // namespace ncps::cache
