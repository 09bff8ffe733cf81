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
Task<std::unique_ptr<storage::Blob>> open_object(S3Client& client, std::string path,
                                                 Deadline deadline);

}  // namespace ncps::s3
