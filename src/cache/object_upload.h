// ObjectUploads: listings, logs, realisations and debug links that clients send (nix/object_path.h).
//
// Nothing of them can be verified here (object_fetcher.h): they are kept whole, of a bounded size,
// and, apart from logs, only in the shape of a JSON object. What is sent last is kept. Sending is a use:
// it counts for the limit, and goes when its time has come. Thread-safe.
#pragma once

#include "cache/space.h"
#include "cache/upload_answer.h"
#include "cache/use_log.h"
#include "nix/compression.h"
#include "nix/object_path.h"
#include "rt/byte_source.h"
#include "rt/offload.h"
#include "storage/blob_store.h"

namespace ncps::cache {

class ObjectUploads {
 public:
  // `uses` notes what is kept, so that it counts and goes in its turn; nullptr: nobody does.
  // `space` nullptr: there is room for everything.
  ObjectUploads(storage::BlobStore& store, Pool& disk, UseLog* uses = nullptr,
                Space* space = nullptr)
      : store_(store), disk_(disk), uses_(uses), space_(space) {}

  // `encoding`: of the body; what is kept is decoded. Answers: kept, unfit, too_large, no_room.
  // Errors: the body's, unavailable.
  Task<UploadAnswer> put(nix::ObjectPath path, ByteSource& body, nix::Compression encoding);

 private:
  storage::BlobStore& store_;
  Pool& disk_;
  UseLog* uses_;
  Space* space_;
};

}  // namespace ncps::cache
