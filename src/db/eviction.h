// Eviction: what is kept, in the order of its last use, and dropping it from the rows.
//
// Three lists, each from the longest unused on: NARs at rest, each a unit with the narinfos that
// lead to it (a narinfo that is used counts for its NAR: nar_urls.last_accessed_at is the latest
// use of the whole unit); narinfos; and other objects of the store. Dropping is conditional: what
// was used after it was listed stays. The row of a NAR's URL is never deleted: it is the way to
// fetch it again.
//
// Implementation: db/soci; testing/eviction_contract.h. Thread-safe. Nothing blocks the caller's
// thread. Errors of every function: unavailable.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "nix/nar_url.h"
#include "nix/store_path_hash.h"
#include "rt/task.h"

namespace ncps::db {

// A place in the order of last use. `used` is the time as the database writes it: texts of one
// database compare as the times do.
struct Place {
  std::string used = "1970-01-02 00:00:00";
  long long id = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

struct KeptNar {
  nix::NarUrl url;
  std::uint64_t size;                        // bytes at rest
  std::vector<nix::StorePathHash> narinfos;  // that lead to it
  // It comes from no upstream, no narinfo leads to it, and it was used lately enough: an upload
  // whose narinfo may still come.
  bool awaits_narinfo;
  Place place;
};

struct KeptNarInfo {
  nix::StorePathHash hash;
  bool nar_at_rest;  // then it goes with its NAR
  Place place;
};

struct KeptObject {
  std::string key;     // in the store
  std::uint64_t size;  // bytes
  Place place;
};

struct KeptTotals {
  std::uint64_t nars = 0, nar_bytes = 0;
  std::uint64_t narinfos = 0;
  std::uint64_t objects = 0, object_bytes = 0;
};

struct ObjectUse {
  std::string key;
  std::uint64_t size;
};

class Eviction {
 public:
  // Lists that are given or asked for have at most so many entries.
  static constexpr std::size_t kMostAtOnce = 200;

  virtual ~Eviction() = default;

  virtual Task<KeptTotals> totals() = 0;

  // The next ones behind `after`, at most `most`. `grace_from`: an upload that was used later than
  // that awaits its narinfo (KeptNar::awaits_narinfo).
  virtual Task<std::vector<KeptNar>> nars(Place after, std::size_t most,
                                          std::chrono::sys_seconds grace_from) = 0;
  virtual Task<std::vector<KeptNarInfo>> narinfos(Place after, std::size_t most) = 0;
  virtual Task<std::vector<KeptObject>> objects(Place after, std::size_t most) = 0;

  // Whoever has the lease of a round with that fence may drop, and nobody with a smaller one from
  // now on. False: a greater one was here before. 0 is no fence: true.
  virtual Task<bool> claim_round(std::uint64_t fence) = 0;

  // The NAR is not at rest any more, and the rows of its narinfos are gone: both or neither.
  // False: neither, because it was used since, or has another narinfo now, or somebody has claimed
  // the round with a greater fence.
  virtual Task<bool> drop(KeptNar nar, std::uint64_t fence = 0) = 0;
  // False: it was used since, or is gone, or the round is another's.
  virtual Task<bool> drop(KeptNarInfo narinfo, std::uint64_t fence = 0) = 0;
  virtual Task<bool> drop(KeptObject object, std::uint64_t fence = 0) = 0;

  // They are in the store, and were used then. All or none of it is noted.
  virtual Task<void> note_objects(std::vector<ObjectUse> objects,
                                  std::chrono::sys_seconds when) = 0;
};

}  // namespace ncps::db
