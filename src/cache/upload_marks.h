// UploadMarks: in the store itself, that a client sent a narinfo, so that it can be told from what
// an upstream's key must have signed when all rows are lost.
//
// A mark lies beside the narinfo ("store/uploaded/") and holds a hash of what the narinfo says of
// its path, its fingerprint: it vouches for no other text. Written before the narinfo, removed after
// it. Thread-safe, as the store is. Errors: unavailable.
#pragma once

#include "cache/space.h"
#include "nix/nar_info.h"
#include "rt/task.h"
#include "storage/blob_store.h"

namespace ncps::cache {

class UploadMarks {
 public:
  // `space`: makes room for a mark if the disk is full; nullptr: nobody does.
  explicit UploadMarks(storage::BlobStore& store, Space* space = nullptr)
      : store_(store), space_(space) {}

  Task<void> put(nix::NarInfo info);
  Task<bool> has(nix::NarInfo info);
  Task<void> remove(nix::StorePathHash hash);

 private:
  storage::BlobStore& store_;
  Space* space_;
};

}  // namespace ncps::cache
