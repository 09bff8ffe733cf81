// DownloadQueue: which downloads wait, which run, and which of them begins next. Decides only; Downloads
// carries out.
//
// Clients go before prefetches. Of clients whoever has the fewest running comes next, and no address has more
// than half of the queue. A value, without I/O and without a clock; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cache/download.h"
#include "cache/held_lease.h"
#include "cache/spool.h"
#include "nix/nar_url.h"
#include "rt/deadline.h"
#include "telemetry/current_span.h"

namespace ncps::cache {

struct DownloadLimits {
  std::size_t running = 64;             // at once
  std::size_t prefetching = 32;         // of these, without a client
  std::size_t queued_clients = 10'000;  // further ones are refused: unavailable
  std::size_t queued_prefetches =
      10'000;  // further ones are dropped: a client's request starts them
};

class DownloadQueue {
 public:
  struct Entry {
    DownloadJob job;
    Wanted wanted;          // by_client once a client has come before it began
    std::string from = {};  // the client's address, whose share it counts for; empty: nobody's
    bool running = false;   // the queue's to change, as `wanted`

    // What the queue does not look at.
    std::shared_ptr<Spool> spool = std::make_shared<Spool>();
    std::shared_ptr<HeldLease> lease = std::make_shared<HeldLease>();
    trace::SpanContext within = trace::here();  // of who asked for it first
    Deadline::Clock::time_point begun = {};
    bool noted = false;  // its outcome
  };
  using EntryPtr = std::shared_ptr<Entry>;

  explicit DownloadQueue(DownloadLimits limits) : limits_(limits) {}

  // The one that whoever asks for it now shares: it waits or runs. nullptr: there is none.
  EntryPtr find(const nix::NarUrl& url) const;

  // The same for a client: what waited for nobody waits behind the other clients now. No limit refuses that:
  // it has been let in already.
  EntryPtr find_for_client(const nix::NarUrl& url);

  enum class Admission : std::uint8_t { queued, full, stopped };

  // It waits now. full: too many do already, or too many of its address. REQUIRES: find() of its URL is nullptr.
  Admission add(const EntryPtr& entry);

  // The next one; it runs now, until end(). nullptr: nothing may begin.
  EntryPtr take_next();

  // find() does not know it any more: who asks now begins anew. What waits for a client, or runs, goes on.
  void forget(const EntryPtr& entry);

  // It is forgotten, and gives its place back. REQUIRES: take_next() gave it, and end() has not had it yet.
  void end(const EntryPtr& entry);

  // What is excluded waits, and holds nobody else up. False: there is one to be found, or it is excluded already.
  bool exclude(const nix::NarUrl& url);
  void include(const nix::NarUrl& url) { excluded_.erase(url); }

  // Nothing is added any more. What waited, clients first; it is forgotten. What runs stays.
  std::vector<EntryPtr> stop();

  // In the order of their beginning; also what is forgotten.
  const std::vector<EntryPtr>& running() const noexcept { return running_; }
  std::size_t waiting_clients() const noexcept { return clients_.size(); }
  std::size_t waiting_prefetches() const noexcept { return prefetches_.size(); }

 private:
  bool has_its_share(const std::string& from) const;
  std::size_t prefetching() const;
  EntryPtr take_fair();
  EntryPtr take_prefetch();

  DownloadLimits limits_;
  std::map<nix::NarUrl, EntryPtr> known_;      // for find()
  std::deque<EntryPtr> clients_, prefetches_;  // not running yet
  std::vector<EntryPtr> running_;
  std::set<nix::NarUrl> excluded_;
  bool stopped_ = false;
};

}  // namespace ncps::cache
