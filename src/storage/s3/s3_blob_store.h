// Blobs as objects in a bucket, under the keys that they have in a local store.
//
// What is written lies in a file of a spool folder until it is published; parts of it are sent
// while it grows (s3_upload.h). An object is opened by one GET (s3_object.h).
#pragma once

#include <memory>

#include "fetch/http_client.h"
#include "rt/offload.h"
#include "rt/runtime.h"
#include "storage/blob_store.h"
#include "storage/s3/s3_options.h"

namespace ncps::s3 {

// Blocks while it asks for the bucket and opens the spool folder. `http` trusts what ca_file says.
// The rest must outlive the store.
// Errors: invalid (options), unavailable: the bucket cannot be used, or the folder; each with its
// reason. Destroying the store blocks until what runs behind the scenes has ended, by force after
// some seconds.
Result<std::unique_ptr<storage::BlobStore>> open_s3(S3Options options,
                                                    std::unique_ptr<fetch::HttpClient> http,
                                                    Runtime& runtime, Pool& disk, Pool& cpu);

}  // namespace ncps::s3
