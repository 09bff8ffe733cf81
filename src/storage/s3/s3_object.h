// An object as a Blob: the answer that opened it, and further GETs for other parts of it.
//
// A body that breaks goes on with a GET of what is missing, of the same ETag, so that a hiccup of
// the server is invisible and bytes of two versions are never mixed: one that has been replaced or
// removed meanwhile ends in an Error. Not thread-safe: one reader at a time opens sources, each
// source has one reader.
#pragma once

#include <memory>

#include "storage/blob_store.h"
#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// nullptr: confirmed absent. Errors: unavailable. `client` must outlive the blob and its sources.
// With a `part` only that is asked for: one request, as long as it does not lie beyond the end.
Task<std::unique_ptr<storage::Blob>> open_object(S3Client& client, std::string path,
                                                 std::optional<storage::Part> part,
                                                 Deadline deadline);

// Its size: one request, and one byte that comes with it (a HEAD that says 404 does not say whether
// it is the server that says so). nullopt: confirmed absent. Errors: unavailable.
Task<std::optional<std::uint64_t>> find_object(S3Client& client, std::string path,
                                               Deadline deadline);

}  // namespace ncps::s3
