// Blobs as files below one directory, mode 0400; spool files in "<root>/store/tmp", so that
// publishing is fsync and rename, never a copy.
#pragma once

#include <filesystem>
#include <memory>

#include "rt/offload.h"
#include "storage/blob_store.h"
#include "storage/disk_calls.h"

namespace ncps::storage {

struct LocalOptions {
  std::filesystem::path root;  // created if missing; one file system
  // read: nothing is made, changed or removed, not even what a dead process left; a call that would
  // write fails.
  Access access = Access::write;
  FileOps& ops = FileOps::real();                             // must outlive the store
  std::chrono::milliseconds patience = DiskCalls::kPatience;  // with a disk that hangs
};

// All file-system calls run on `disk`, which must outlive the store. Looking something up and opening
// it fail in time (DiskCalls); writing waits for the disk, as whoever writes wants what it writes. Blocks while it opens the
// root. Errors: unavailable, if root cannot be made or written.
Result<std::unique_ptr<BlobStore>> open_local(const LocalOptions& options, Pool& disk);

}  // namespace ncps::storage
