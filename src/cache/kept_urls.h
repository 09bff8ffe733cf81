// Under which URL a narinfo is announced that lay in the store, without a row.
#pragma once

#include <vector>

#include "nix/nar_info.h"
#include "nix/nar_url.h"
#include "rt/task.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// As announced_urls; but a NAR without compression that is at rest under its own URL stays what it
// is (the Go program, too, may have left it), instead of being fetched again to be compressed.
// Errors: unavailable: could not find out.
Task<std::vector<nix::NarUrl>> urls_of_kept(storage::BlobStore& store, const nix::NarInfo& info);

}  // namespace ncps::cache
