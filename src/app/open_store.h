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

// The same with local copies of what is read often, if the options ask for them. Only for serving:
// whoever checks what is kept must see the bucket itself. Errors: as with_local_copies.
Result<std::unique_ptr<storage::BlobStore>> add_local_copies(
    const config::ServeOptions& options, std::unique_ptr<storage::BlobStore> store,
    Runtime& runtime, Pool& disk);

}  // namespace ncps::app
