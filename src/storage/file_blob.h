// A file as a Blob, sent straight from its descriptor. It stays readable when it is removed.
#pragma once

#include <filesystem>
#include <memory>

#include "storage/blob_store.h"

namespace ncps::storage {

// nullptr: confirmed absent. Blocking: for the disk pool. Errors: unavailable; what is no regular
// file, too.
Result<std::unique_ptr<Blob>> open_file_blob(const std::filesystem::path& path);

}  // namespace ncps::storage
