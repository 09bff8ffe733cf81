// Uploads in parts that nobody will finish: what a process has left that was killed, or could not
// abort. The server keeps them, and their parts, until somebody aborts them.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "rt/signal.h"
#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// How old an upload is that nobody will finish.
inline constexpr std::chrono::hours kLeftAfter{24};

// The keys of those uploads that abort_leftovers would abort, at most `most`. Errors: unavailable.
Task<std::vector<std::string>> find_leftovers(S3Client& client, std::chrono::sys_seconds before,
                                              std::size_t most);

// Removes the uploads of our prefix that were begun before `before`, or as many until `stopping` is
// set. What goes wrong is logged. Returns how many there were.
boost::asio::awaitable<int> abort_leftovers(S3Client& client, std::chrono::sys_seconds before,
                                            const std::atomic<bool>& stopping);

// Aborts them at once, and again each `every`. Must outlive run().
class LeftoverLooks {
 public:
  LeftoverLooks(S3Client& client, std::chrono::milliseconds every)
      : client_(client), every_(every) {}

  // Until stop(): ends after the request that is under way.
  boost::asio::awaitable<void> run();
  void stop();  // from any thread

 private:
  S3Client& client_;
  const std::chrono::milliseconds every_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
};

}  // namespace ncps::s3
