// What is done with a bucket when a store opens it.
#pragma once

#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// Whether we may use it: it is there, it knows us, its clock is ours. Errors: unavailable, with the
// reason.
Task<void> check_bucket(S3Client& client, Deadline deadline);

}  // namespace ncps::s3
