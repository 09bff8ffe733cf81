// A file as a Blob, sent straight from its descriptor. It stays readable when it is removed.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "storage/blob_store.h"

namespace ncps::storage {

// An open file that several may read.
struct SharedFile {
  UniqueFd fd;
  std::atomic<bool> retired = false;  // who kept it open has let go of it: it may have been removed
};

struct OpenFile {
  std::shared_ptr<SharedFile> file;
  struct stat info;  // as it was opened
};

// nullopt: confirmed absent. Blocking: for the disk pool. Errors: unavailable; what is no regular
// file, too.
Result<std::optional<OpenFile>> open_file(const std::filesystem::path& path);

// `kept`: somebody keeps it open, and has just looked whether it is still the file of its name.
enum class KeptOpen : bool { no, yes };
std::unique_ptr<Blob> make_file_blob(OpenFile file, KeptOpen kept = KeptOpen::no);

// nullptr: confirmed absent. Otherwise the same.
Result<std::unique_ptr<Blob>> open_file_blob(const std::filesystem::path& path);

}  // namespace ncps::storage
