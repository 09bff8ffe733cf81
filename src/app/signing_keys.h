// The keys that sign: those of the options, or else the store's own.
#pragma once

#include <string>
#include <vector>

#include "config/serve_options.h"
#include "rt/runtime.h"
#include "storage/blob_store.h"

namespace ncps::app {

// At least one; the first one is the newest. Makes one in the store if there is none at all. Blocks.
// Errors: invalid, unavailable.
Result<std::vector<nix::SecretKey>> signing_keys(const config::ServeOptions& options,
                                                 Runtime& runtime, storage::BlobStore& store);

// The same of a store that is only read: makes none. Blocks. Errors: not_found (there is none yet), invalid,
// unavailable.
Result<std::vector<nix::SecretKey>> find_signing_keys(const config::ServeOptions& options,
                                                      Runtime& runtime, storage::BlobStore& store);

// Their public halves, with blanks between them, as nix.conf wants them.
std::string joined_public(const std::vector<nix::SecretKey>& keys);

}  // namespace ncps::app
