// The store that the options name: a folder or a bucket.
#pragma once

#include <memory>

#include "config/serve_options.h"
#include "rt/runtime.h"
#include "storage/local/local_blob_store.h"

namespace ncps::app {

// Makes the temp path, if something is to be written. Blocks while it opens. The pools must outlive
// the store. Errors: as open_local and open_s3.
Result<std::unique_ptr<storage::BlobStore>> open_store(const config::ServeOptions& options,
                                                       storage::Access access, Runtime& runtime,
                                                       Pool& disk, Pool& cpu);

}  // namespace ncps::app
