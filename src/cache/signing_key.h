// Our own signing key: generated once and kept in the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cache/changes.h"
#include "nix/signature.h"
#include "rt/task.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// "config/cache.key" of the store, made with `hostname` as the key's name if there is none; of
// several instances that start at once one wins and all use its key. Errors: invalid (not a key;
// the message never holds it), unavailable.
Task<nix::SecretKey> load_signing_key(storage::BlobStore& store, std::string hostname);

enum class KeyImport : std::uint8_t {
  none,   // there was no key to import
  taken,  // it is now ours, or would be
  same,   // we have it already
  other,  // we have another one, which stays
};

// Takes `text`, a key of the Go program, for ours, if we have none. Errors: as load_signing_key.
Task<KeyImport> import_signing_key(storage::BlobStore& store, std::optional<std::string> text,
                                   Changes changes);

}  // namespace ncps::cache
