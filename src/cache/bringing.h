// Bringing: all bytes of a NAR into a spool, from wherever they can be had.
//
// Of all instances that share a store, the one with the lease fetches it from the upstreams, and may
// publish it. The others follow: they read from that one while it comes, go on from the store when it
// lies there, take over where that one has died, and ask the upstreams for themselves if nothing comes
// for long (follow_policy.h decides). For one coroutine; what it is given must outlive it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cache/download.h"
#include "cache/fetcher.h"

namespace ncps::cache {

enum class MayKeep : bool { no, yes };

class Bringing {
 public:
  Bringing(DownloadDeps& deps, DownloadJob& job, Spool& spool, HeldLease& lease, Wanted wanted)
      : deps_(deps),
        job_(job),
        spool_(spool),
        lease_(lease),
        wanted_(wanted),
        fetcher_(deps, job, spool, lease) {}

  // Returns once all bytes are in the spool. Errors: as run_download.
  Task<MayKeep> run();

 private:
  using Clock = std::chrono::steady_clock;

  Task<MayKeep> from_upstreams(MayKeep keep);
  // All came from the holder: whether that has died before it could publish it.
  Task<MayKeep> inherit();
  // Errors: could not find out, before the first byte; after it that is no reason to end.
  Task<FollowView> look();
  Task<void> ask_for_lease();
  Task<bool> at_rest();
  // True: that was all. Errors: what no other source helps against.
  Task<bool> read(const std::shared_ptr<FileSource>& source);
  bool may_read(const lock::Holder& holder) const;

  DownloadDeps& deps_;
  DownloadJob& job_;
  Spool& spool_;
  HeldLease& lease_;
  const Wanted wanted_;
  Fetcher fetcher_;
  std::optional<lock::Holder> holder_;        // who has the lease, as far as we know
  std::optional<lock::Holder> gave_nothing_;  // when it was asked last
  bool store_fails_ = false;
  bool looked_ = false;
  Clock::time_point last_byte_ = Clock::now();
};

}  // namespace ncps::cache
