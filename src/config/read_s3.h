// The options of S3 storage.
#pragma once

#include "config/reader.h"
#include "storage/s3/s3_options.h"

namespace ncps::config {

// Without its environment and spool folder, which are no options.
s3::S3Options read_s3(Reader& read);

}  // namespace ncps::config
