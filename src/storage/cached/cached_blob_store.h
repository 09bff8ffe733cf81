// A store that keeps local copies of what is read often, in front of one that is far away.
//
// What is copied is served from its file, by sendfile, without asking the store behind; so that only
// suits blobs that never change under their key, unless through us (another process that removes or
// replaces one is not noticed). A trouble with the copies is logged and costs nothing but the copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "rt/offload.h"
#include "rt/runtime.h"
#include "storage/blob_store.h"
#include "storage/disk_calls.h"

namespace ncps::storage {

struct CachedOptions {
  std::filesystem::path folder;  // of the copies: ours alone
  std::uint64_t limit;           // bytes of all copies, those being made included
  std::string below;             // what is copied: keys below this folder ("store/nar"); empty: all
  std::chrono::milliseconds patience = DiskCalls::kPatience;  // with the disk of the copies
};

// Takes over the copies of an earlier process. Blocks. The pool and the runtime must outlive it.
// Errors: unavailable: the folder cannot be used.
Result<std::unique_ptr<BlobStore>> with_local_copies(std::unique_ptr<BlobStore> inner,
                                                     const CachedOptions& options, Runtime& runtime,
                                                     Pool& disk);

}  // namespace ncps::storage
