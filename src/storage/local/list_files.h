// The files below a folder, page by page. Blocking: for the disk pool only.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "storage/blob_store.h"

namespace ncps::storage {

// As BlobStore::list. Names that no blob can have are passed over. Memory: the names of one folder
// on each level, and `most` entries. Errors: unavailable.
Result<std::vector<BlobEntry>> list_files(const std::filesystem::path& root, const BlobKey& folder,
                                          std::string_view after, std::size_t most);

}  // namespace ncps::storage
