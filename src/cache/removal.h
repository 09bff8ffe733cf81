// Removal: narinfos and NARs that a client deletes, with all that belongs to them.
//
// A narinfo goes before its NAR, files before rows, so that a reader gets what is there whole or
// not at all, and a removal that failed can be done again (if the narinfo went, and its NAR not: by this process).
// Nobody looks for such a narinfo
// meanwhile: what is being found or kept is kept before it, and goes, too. Who reads a NAR already goes on
// reading it, also one that is on its way here, which is then not kept. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "cache/downloads.h"
#include "cache/nar_info_service.h"
#include "cache/upload_answer.h"
#include "cache/upload_marks.h"
#include "db/upload_rows.h"
#include "storage/blob_store.h"

namespace ncps::cache {

struct Removed {
  bool found = false;  // something was there
};

class Removal {
 public:
  // Narinfos of which NARs still lie here because their removal failed; further ones are not remembered.
  static constexpr std::size_t kMostUnfinished = 1'000;
  // A narinfo that is served from memory. Called as soon as it is gone, whatever becomes of the rest.
  using Forget = std::function<void(const nix::StorePathHash&)>;

  Removal(storage::BlobStore& store, db::Catalog& catalog, UploadLocks& locks, Downloads& downloads,
          NarInfoService& narinfos, Forget forget)
      : store_(store),
        catalog_(catalog),
        locks_(locks),
        downloads_(downloads),
        narinfos_(narinfos),
        forget_(std::move(forget)),
        marks_(store) {}

  // The narinfo, its listing, and its NAR if no other narinfo has it. Errors: unavailable, timeout.
  Task<Removed> narinfo(nix::StorePathHash hash);

  // The NAR, and all narinfos that have it: they would promise what is gone. Errors: the same.
  Task<Removed> nar(nix::NarUrl url);

 private:
  using Hashes = std::vector<nix::StorePathHash>;
  // Of narinfos and their NAR, so that nobody sends one of them meanwhile, nor looks for a narinfo.
  struct Locks {
    std::vector<KeyLocks<nix::StorePathHash>::Held> narinfos;
    std::optional<KeyLocks<nix::NarUrl>::Held> nar;
    std::vector<NarInfoService::Hold> alone;
    Hashes leading;         // to the NAR, and locked
    bool complete = false;  // no other leads there
  };
  Task<Locks> lock_with_narinfos(const nix::NarUrl& url, Deadline deadline);
  Task<std::optional<nix::NarUrl>> nar_of(const nix::StorePathHash& hash, bool& found);
  void begin(const nix::StorePathHash& hash, const nix::NarUrl& url);
  Task<void> remove_files(nix::StorePathHash hash);
  Task<bool> remove_blob(storage::BlobKey key);

  storage::BlobStore& store_;
  db::Catalog& catalog_;
  UploadLocks& locks_;
  Downloads& downloads_;
  NarInfoService& narinfos_;
  const Forget forget_;
  UploadMarks marks_;
  Guarded<std::map<nix::StorePathHash, nix::NarUrl>> unfinished_;
};

}  // namespace ncps::cache
