// The objects below a folder, page by page.
#pragma once

#include <string>
#include <vector>

#include "storage/blob_store.h"
#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// As BlobStore::list. Keys that no blob can have are passed over. Errors: unavailable.
Task<std::vector<storage::BlobEntry>> list_objects(S3Client& client, std::string folder,
                                                   std::string after, Deadline deadline);

}  // namespace ncps::s3
