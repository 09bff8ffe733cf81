// A file as a Blob, sent straight from its descriptor. It stays readable when it is removed.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "storage/blob_store.h"

namespace ncps::storage {

struct OpenFile {
  std::shared_ptr<const UniqueFd> fd;
  struct stat info;  // as it was opened
};

// nullopt: confirmed absent. Blocking: for the disk pool. Errors: unavailable; what is no regular
// file, too.
Result<std::optional<OpenFile>> open_file(const std::filesystem::path& path);

std::unique_ptr<Blob> make_file_blob(OpenFile file);

// nullptr: confirmed absent. Otherwise the same.
Result<std::unique_ptr<Blob>> open_file_blob(const std::filesystem::path& path);

}  // namespace ncps::storage
