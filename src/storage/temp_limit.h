// A store that begins no new blob while those that are being written hold too many bytes.
//
// What has begun goes on: so temporary files may exceed the limit by what the blobs under way still
// bring, and none of them ever breaks off for it. Bytes count when the writer tells of them
// (StagedBlob::grown), as it does of NARs that are to be kept; small documents do not.
#pragma once

#include <cstdint>
#include <memory>

#include "storage/blob_store.h"

namespace ncps::storage {

// Where the file is when the blob has been published.
enum class OncePublished : bool {
  at_rest,          // it has become the blob
  still_temporary,  // a copy of it is the blob; it stays for as long as somebody reads it
};

// `limit`: bytes. stage() fails with unavailable beyond it; all else is the inner store's. Thread-safe.
std::unique_ptr<BlobStore> with_temp_limit(std::unique_ptr<BlobStore> inner, std::uint64_t limit,
                                           OncePublished then);

}  // namespace ncps::storage
