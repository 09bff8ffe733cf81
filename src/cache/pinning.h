// Pinning a store path, so that from then on nothing of its closure is evicted; and ending that.
//
// A pin is a file in the store, which is the truth, and a row, which eviction reads. The file comes
// before the row, and goes before it. So a kill in between leaves a file without a row, of a pin that
// was being made, or a row without a file, of one that was being removed: nobody was told yet, and
// fsck makes a pin of both.
#pragma once

#include <string>
#include <string_view>

#include "cache/pinned_closure.h"
#include "cache/space.h"

namespace ncps::cache {

struct Pinned {
  bool fresh;           // false: it was pinned already
  std::size_t closure;  // store paths whose narinfos are kept here, and those they name
};

// Adds the pin, and notes its closure as used now: a round of eviction that runs meanwhile, here or
// elsewhere, has what it listed before changed under its hands. `space`: makes room for the file if
// the disk is full; nullptr: nobody does. Errors: unavailable.
Task<Pinned> add_pin(db::Pins& pins, db::Catalog& catalog, storage::BlobStore& store, db::Pin pin,
                     Space* space = nullptr);

// False: it was not pinned. Errors: unavailable; then it is pinned still, or is with the next fsck.
Task<bool> remove_pin(db::Pins& pins, storage::BlobStore& store, nix::StorePathHash hash);

// The pin's file: a line with the store path, or the hash where that is all that is known.
std::string print_pin(const db::Pin& pin);
// What says nothing of that hash is a pin all the same: its name says which.
db::Pin read_pin(const nix::StorePathHash& hash, std::string_view text);

}  // namespace ncps::cache
