// Writing into the store where there may be no room: what a full disk refused is done once more when
// a round of eviction has made some (space.h).
//
// `space` nullptr: nobody makes any, and there is no limit. Who waits, waits for Space::kPatience at
// most. What may have lost bytes (SpoolFile::spoiled) is not gone on with. Errors: those of the store; unavailable
// with no_space(): there is none to be had.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cache/space.h"
#include "rt/offload.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// All of `bytes`, which must outlive it, at the end of the file. `still_to_come`: how many more will
// follow, if that is known; room is made for them, too.
Task<void> append_in_room(storage::SpoolFile& file, std::string_view bytes,
                          std::uint64_t still_to_come, Pool& disk, Space* space);

// `size`, which is that of the blob, must have been reserved. It is given back if this fails; else it
// is for the caller to Space::keep it, once its row is there.
Task<void> publish_reserved(storage::StagedBlob& blob, std::uint64_t size, Space* space);

// A small document; replaces what is there.
Task<void> put_text_in_room(storage::BlobStore& store, storage::BlobKey key, std::string text,
                            Space* space);

}  // namespace ncps::cache
