// Our own signing keys: the first one is generated and kept in the store, others come by rotation.
//
// "config/cache.key" is the key of today. After a rotation "config/cache.key.previous" is the one
// before it, which goes on signing beside it until it is retired: clients that know only one of the
// two accept what both have signed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/changes.h"
#include "nix/signature.h"
#include "rt/task.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// Today's key, made with `hostname` as its name if there is none, and the one before it, if it is
// kept. Of several instances that start at once one wins and all use its key. Errors: invalid (not
// a key; the message never holds it), unavailable.
Task<std::vector<nix::SecretKey>> load_signing_keys(storage::BlobStore& store,
                                                    std::string hostname);

// The same, but makes none. Empty: there is none yet. Errors: as load_signing_keys.
Task<std::vector<nix::SecretKey>> find_signing_keys(storage::BlobStore& store);

// Makes a new key the one of today; today's becomes the one before. Its name is that of today's
// with the next number ("cache.example-2"), because clients know keys by their names. What ends in
// between leaves today's key in force. Errors: conflict (one is still to be retired), as
// load_signing_keys.
Task<nix::SecretKey> rotate_signing_key(storage::BlobStore& store, std::string hostname);

// Forgets the key before today's; nullopt: there is none. Errors: as load_signing_keys.
Task<std::optional<nix::PublicKey>> retire_signing_key(storage::BlobStore& store);

// The name of the key after `name`: "c" -> "c-2" -> "c-3".
std::string next_key_name(std::string_view name);

enum class KeyImport : std::uint8_t {
  none,   // there was no key to import
  taken,  // it is now ours, or would be
  same,   // we have it already
  other,  // we have another one, which stays
};

// Takes `text`, a key of the Go program, for ours, if we have none. Errors: as load_signing_keys.
Task<KeyImport> import_signing_key(storage::BlobStore& store, std::optional<std::string> text,
                                   Changes changes);

}  // namespace ncps::cache
