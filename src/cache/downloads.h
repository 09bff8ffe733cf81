// Downloads: at most one per NAR, whoever asks. Who comes next is for DownloadQueue to say.
//
// Thread-safe. Must be stopped before what DownloadDeps refers to is destroyed.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "cache/doubtful_nars.h"
#include "cache/download.h"
#include "cache/download_queue.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"

namespace ncps::cache {

class Downloads {
 public:
  Downloads(Runtime& runtime, DownloadDeps deps, DownloadLimits limits);
  ~Downloads();  // REQUIRES: stop() has returned

  // The spool of a download under way; nullptr: there is none. One that only waits as a prefetch
  // now goes before the other prefetches.
  std::shared_ptr<Spool> find(const nix::NarUrl& url);

  // The spool of a download that this instance does under the lease with that fence: for other
  // instances, who change nothing by asking. nullptr: there is none.
  std::shared_ptr<Spool> for_peer(const nix::NarUrl& url, std::uint64_t fence) const;

  // The download under way, or a new one. `from`: the client's address, whose share a new one counts for;
  // empty: nobody's.
  std::shared_ptr<Spool> join(DownloadJob job, std::string from = {});

  // Returns when none is under way (any more): what one has brought is at rest then, or not kept. It
  // counts as find() while it waits. Errors: timeout.
  Task<void> ended(nix::NarUrl url, Deadline deadline);

  // Fetches it when there is room, for nobody in particular.
  void prefetch(DownloadJob job);

  // For as long as it lives no download of that NAR runs: what is asked for waits in the queue, where it
  // holds nobody else up. So that what is removed is not the new file of somebody who fetched it again.
  // Must go before its Downloads.
  class Exclusion {
   public:
    Exclusion(Exclusion&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), url_(std::move(other.url_)) {}
    Exclusion& operator=(Exclusion&&) = delete;
    ~Exclusion();

   private:
    friend class Downloads;
    Exclusion(Downloads& of, nix::NarUrl url) : of_(&of), url_(std::move(url)) {}
    Downloads* of_;
    nix::NarUrl url_;
  };

  // nullopt: it is on its way here, or excluded already.
  std::optional<Exclusion> try_exclude(const nix::NarUrl& url);

  // A download that is under way goes on for those who read it, but nobody joins it any more, and
  // what it brings is not kept. Waits for one that is just being stored. Errors: timeout.
  Task<Exclusion> exclude(nix::NarUrl url, Deadline deadline);

  // nullptr: there is room for everything.
  Space* space() const noexcept { return deps_.space; }
  Pool& cpu() const noexcept { return deps_.cpu; }

  // What runs and what waits, now.
  struct Load {
    std::size_t running = 0;  // of clients and prefetches
    std::size_t queued_clients = 0, queued_prefetches = 0;
    std::uint64_t spooled = 0;  // bytes that have come and are not published yet
  };
  Load load() const;

  // One that runs. At most `most` of them, those that began first.
  struct Transfer {
    std::string nar, upstream;           // `upstream` empty: nobody has answered yet
    std::uint64_t bytes = 0;             // that have come
    std::optional<std::uint64_t> total;  // absent: nobody knows
    std::size_t clients = 0;             // that read it, or wait for it
    bool prefetch = false;               // for nobody in particular
    double seconds = 0;                  // since it began
  };
  std::vector<Transfer> transfers(std::size_t most) const;

  // What could not be had lately.
  DoubtfulNars& doubtful() noexcept { return doubtful_; }

  // Fails what runs and what waits, for good, so that nobody waits for it any longer; begins nothing more.
  void cut_off();

  // Begins nothing more (what waits fails), and waits for what runs. False: some still runs at the
  // deadline. Blocks: not from an io thread.
  bool stop(Deadline deadline);

 private:
  using Entry = DownloadQueue::Entry;
  using EntryPtr = DownloadQueue::EntryPtr;
  struct State {
    DownloadQueue queue;
    // How often wrong bytes came for a URL: next time another source goes first.
    std::map<nix::NarUrl, std::size_t> rotten = {};
  };

  void discard(const nix::NarUrl& url);
  // A download may have failed while its coroutine still waits for a stalled body: whoever asks now
  // starts anew.
  void forget_if_failed(const nix::NarUrl& url);
  static void put_liars_last(const State& state, DownloadJob& job);
  static void note_outcome(State& state, Entry& entry, const Spool::View& outcome);
  std::vector<EntryPtr> refuse_new_ones();  // what waited and will not begin
  void start_what_may();
  boost::asio::awaitable<void> run(EntryPtr entry);
  boost::asio::awaitable<void> carry_out(const EntryPtr& entry);
  void end(const EntryPtr& entry);                              // its place is free
  void give_up(const EntryPtr& entry, const std::string& why);  // it ends, and has failed
  boost::asio::awaitable<void> tell_again();

  Runtime& runtime_;
  DownloadDeps deps_;
  DoubtfulNars doubtful_;
  static constexpr std::size_t kMostUntold = 10'000;  // further ones are forgotten
  Guarded<std::map<nix::NarUrl, Untold>> untold_;     // stored; the catalog was away
  Guarded<State> state_;
  Signal admitted_;  // an exclusion, or a download, has ended
  TaskGroup group_;
};

}  // namespace ncps::cache
