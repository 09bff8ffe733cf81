// Our own signing key: generated once and kept in the store.
#pragma once

#include <string>

#include "nix/signature.h"
#include "rt/task.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// "config/cache.key" of the store, made with `hostname` as the key's name if there is none; of
// several instances that start at once one wins and all use its key. Errors: invalid (not a key;
// the message never holds it), unavailable.
Task<nix::SecretKey> load_signing_key(storage::BlobStore& store, std::string hostname);

}  // namespace ncps::cache
