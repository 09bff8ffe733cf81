// Where things lie in the store: the layout of the contract, the same in a directory and in a
// bucket.
#pragma once

#include <optional>

#include "nix/nar_url.h"
#include "nix/object_path.h"
#include "nix/store_path_hash.h"
#include "storage/blob_key.h"

namespace ncps::cache {

// "store/nar/h/ha/<file name>": h and ha are the first one and two characters of the name.
storage::BlobKey nar_key(const nix::NarUrl& url);

// "store/narinfo/h/ha/<hash>.narinfo"
storage::BlobKey narinfo_key(const nix::StorePathHash& hash);

// "store/uploaded/h/ha/<hash>": says that a client sent the narinfo (cache/upload_marks.h)
storage::BlobKey upload_mark_key(const nix::StorePathHash& hash);

// "store/pin/h/ha/<hash>": says that the store path is pinned (cache/pinning.h)
storage::BlobKey pin_key(const nix::StorePathHash& hash);

// "store/listing/h/ha/<hash>.ls"
// "store/log/h/ha/<derivation>"
// "store/realisations/d/di/<digest>/<output>.doi"
// "store/build-trace-v2/h/ha/<derivation>/<output>.doi"
// "store/debuginfo/i/id/<id>[.debug]"
storage::BlobKey object_key(const nix::ObjectPath& path);

// What lies under such a key; nullopt: it is no object's.
std::optional<nix::ObjectPath> object_of(const storage::BlobKey& key);

// "config/cache.key"
storage::BlobKey signing_key_key();

// "config/cache.key.previous"
storage::BlobKey previous_signing_key_key();

}  // namespace ncps::cache
