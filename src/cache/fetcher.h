// Fetcher: brings a NAR's file from whoever has it into a spool, in order, each byte once.
//
// A body that breaks is gone on with where it broke, at the same source or at the next one
// (fetch_policy.h decides). Every position and size here is one of the upstream's file; those of
// the spool are the SpoolWriter's business, and what the bytes are worth the verifier's. For one
// coroutine; what it is given must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "cache/download.h"
#include "cache/spool_writer.h"

namespace ncps::cache {

class Fetcher {
 public:
  // Takes sources that do not have the file off job.sources.
  Fetcher(DownloadDeps& deps, DownloadJob& job, Spool& spool)
      : deps_(deps),
        job_(job),
        spool_(spool),
        writer_(spool, deps.disk, deps.cpu, job.intake, deps.space) {}

  // Returns once all bytes are in the spool. Errors: as run_download.
  Task<void> run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Copied : bool { all, broken };

  NarSource& source() { return job_.sources[at_]; }
  fetch::Decode decode() const;
  std::chrono::milliseconds open_time() const;
  bool fits(const upstream::FileBody& body) const;
  void drop_source();

  // The next body that fits what we have. Errors: when nobody is left to ask.
  Task<upstream::FileBody> open_somewhere();
  Task<void> begin(const upstream::FileBody& body);
  // Errors: retryable ones mean that this body broke; others end the download.
  Task<Copied> copy(upstream::FileBody& body);
  // Decides and waits. Errors: `error`, if that is the end.
  Task<void> after_trouble(Error error);

  DownloadDeps& deps_;
  DownloadJob& job_;
  Spool& spool_;
  SpoolWriter writer_;
  std::size_t at_ = 0;
  unsigned failures_ = 0;
  std::optional<std::uint64_t> total_ = job_.upstreams_size();
  std::optional<Error> last_;  // what kept a source from answering; not_found only if none failed
  Clock::time_point progress_ = Clock::now();
};

}  // namespace ncps::cache
