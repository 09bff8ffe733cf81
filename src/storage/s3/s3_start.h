// What is done with a bucket when a store opens it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// Whether we may use it: it is there, it knows us, its clock is ours. Errors: unavailable, with the
// reason.
Task<void> check_bucket(S3Client& client, Deadline deadline);

// The keys of those uploads that abort_leftovers would abort, at most `most`. Errors: unavailable.
Task<std::vector<std::string>> find_leftovers(S3Client& client, std::chrono::sys_seconds before,
                                              std::size_t most);

// Removes the uploads that a process has left that was killed: those of our prefix that were begun
// before `before`. What goes wrong is logged. Returns how many there were.
boost::asio::awaitable<int> abort_leftovers(S3Client& client, std::chrono::sys_seconds before);

}  // namespace ncps::s3
