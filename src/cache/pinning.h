// Pinning a store path, so that from then on nothing of its closure is evicted.
#pragma once

#include "cache/pinned_closure.h"

namespace ncps::cache {

struct Pinned {
  bool fresh;           // false: it was pinned already
  std::size_t closure;  // store paths whose narinfos are kept here, and those they name
};

// Adds the pin, and notes its closure as used now: a round of eviction that runs meanwhile, here or
// elsewhere, has what it listed before changed under its hands. Errors: unavailable.
Task<Pinned> add_pin(db::Pins& pins, db::Catalog& catalog, storage::BlobStore& store, db::Pin pin);

}  // namespace ncps::cache
