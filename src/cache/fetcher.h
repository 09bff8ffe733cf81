// Fetcher: brings a NAR's file from whoever has it into a spool, in order, each byte once.
//
// A body that breaks is gone on with where it broke, at the same source or at the next one
// (fetch_policy.h decides); or, where that has another edition of the file, compared from its first
// byte on. Every position and size here is one of the source's file; those of the spool are the
// SpoolWriter's business, and what the bytes are worth the verifier's. For one coroutine; what it is
// given must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "cache/download.h"
#include "cache/spool_writer.h"

namespace ncps::cache {

class Fetcher {
 public:
  // `lease`: is told of each step.
  Fetcher(DownloadDeps& deps, const DownloadJob& job, Spool& spool, HeldLease& lease)
      : deps_(deps),
        job_(job),
        spool_(spool),
        lease_(lease),
        writer_(spool, deps.disk, deps.cpu, deps.space) {}

  // Returns once all bytes are in the spool. Errors: as run_download; then it may be called again,
  // with other sources, and goes on. But after unavailable and internal nothing helps.
  Task<void> run(FileSources sources, FetchPolicy policy);

  bool begun() const noexcept { return writer_.begun(); }
  std::chrono::steady_clock::time_point last_byte() const noexcept { return last_byte_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Copied : bool { all, broken };

  FileSource& source() { return *sources_[at_]; }
  Intake intake() const { return edition_->empty() ? job_.intake : Intake::as_it_is; }
  // Before it is read from: what its positions mean from now on.
  Result<void> turn_to(const FileSource& source);
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
  const DownloadJob& job_;
  Spool& spool_;
  HeldLease& lease_;
  SpoolWriter writer_;
  FileSources sources_;
  FetchPolicy policy_;
  std::optional<std::string> edition_;  // of the file that positions are of
  std::size_t at_ = 0;
  unsigned failures_ = 0;
  std::optional<std::uint64_t> total_;  // of that file
  std::optional<Error> last_;  // what kept a source from answering; not_found only if none failed
  Clock::time_point progress_ = Clock::now(), last_byte_ = progress_;
};

}  // namespace ncps::cache
