// NarInfoService: a narinfo by its hash, from what we keep or from the upstreams.
//
// What comes from an upstream is verified (a signature by a configured key; the StorePath that was
// asked for) before it is kept. What is kept is the upstream's text; URL and signature of ours are
// put in on the way out, so a new key acts at once. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/live.h"
#include "cache/downloads.h"
#include "cache/fetched_ahead.h"
#include "cache/missing_memory.h"
#include "cache/nar_info_judge.h"
#include "cache/nar_info_search.h"
#include "cache/reference_walk.h"
#include "cache/single_flight.h"
#include "cache/slots.h"
#include "cache/upload_marks.h"
#include "db/catalog.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

// A narinfo as clients get it.
struct ServedNarInfo {
  std::string text;
  std::string etag;
  std::string_view how;     // "hit", "miss"
  std::string upstream;     // that it has just come from; empty: from what we keep
  bool kept = true;         // false: without its row its NAR may not be found; ask here again
  std::uint64_t as_of = 0;  // NarInfoService::as_of() when we began to look
};

// Who wants it: decides what is fetched ahead.
enum class Asked : std::uint8_t {
  by_get,   // a client that will want its NAR and its references
  by_head,  // a client that only looks: nothing is fetched ahead until it asks by GET
  ahead,    // ourselves, because a client will: its references, but not its NAR
};

struct PrefetchPolicy {
  bool nars = true;
  bool narinfos = true;
};

// What can change while we run.
struct NarInfoPolicy {
  PrefetchPolicy prefetch;
  std::chrono::milliseconds missing_for{60'000};  // how long "nobody has it" is remembered
};

class NarInfoService {
 public:
  // Looked for beyond the rows at once; further ones are refused, and what has a row is still served.
  static constexpr std::size_t kMostSearches = 4'096;  // by default
  static constexpr std::size_t kMostFlights =
      4 * kMostSearches;  // at least, with those that look at rows

  NarInfoService(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
                 const upstream::UpstreamSet& upstreams, Downloads& downloads, Pool& cpu,
                 const Live<Trust>& trust, NarInfoPolicy policy = {},
                 std::size_t most_searches = kMostSearches);

  // nullopt: every upstream says that it has none. Errors: upstream, timeout, corrupt (an upstream's
  // answer cannot be right), unavailable.
  Task<std::optional<ServedNarInfo>> find(nix::StorePathHash hash, Asked asked, Deadline deadline);

  // Whether all upstreams have said lately that they have none, so that find() asks nobody.
  bool known_missing(const nix::StorePathHash& hash) {
    return missing_.has(hash, world(), MissingMemory::Clock::now());
  }

  // The same as find() from what is kept alone, and only if its NAR is at rest, too: then a client may leave
  // both out of an upload. No upstream is asked, and nothing is written. Errors: unavailable.
  Task<std::optional<ServedNarInfo>> find_kept(nix::StorePathHash hash);

  // For as long as it lives nobody looks for that narinfo, keeps it or serves it from what is kept
  // (memory apart): whoever asks waits. nullopt: somebody is at it.
  using Flights = SingleFlight<nix::StorePathHash, std::optional<ServedNarInfo>>;
  using Hold = Flights::Hold;
  std::optional<Hold> try_hold(const nix::StorePathHash& hash) { return flights_.try_hold(hash); }
  // The same, once whoever looks for it is done, also if that began before a reload. Errors: timeout.
  Task<Hold> hold(nix::StorePathHash hash, Deadline deadline) {
    return flights_.hold(hash, deadline);
  }

  // Changes when kept narinfos should be asked for again because their NARs cannot be had: what was
  // served before may be out of date.
  std::uint64_t doubts() const noexcept { return downloads_.doubtful().additions(); }

  // Grows with each doubt and each use(): an answer with a smaller one may be out of date.
  std::uint64_t as_of() const noexcept { return policies_.load() + doubts(); }

  // Upstreams, keys or policy have changed. REQUIRES: they have been replaced before. Who asks from
  // now on gets no answer that was begun before.
  void use(NarInfoPolicy policy);

  // Waits for what runs. Blocks: not from an io thread. Nothing may be asked meanwhile.
  bool stop(Deadline deadline);

 private:
  using Found = std::optional<ServedNarInfo>;
  struct Indexed {
    db::NarRow nar;
    bool done;  // false: the catalog could not be written
  };

  Task<Found> find_as_of_now(nix::StorePathHash hash, Asked asked);
  Task<Found> find_or_fetch(nix::StorePathHash hash, Asked asked);
  Task<Slots::Slot> begin_search();
  Task<Found> from_store(const nix::StorePathHash& hash, Asked asked);
  Task<Found> kept_without_row(const nix::StorePathHash& hash);
  Task<Found> look_into_doubt(const nix::StorePathHash& hash, const nix::NarUrl& url, Asked asked);
  Task<Found> from_upstreams(const nix::StorePathHash& hash, Asked asked);
  static std::optional<Accepted> accepted_of(const nix::StorePathHash& hash, Result<Judged> judged,
                                             std::string_view from);
  Task<std::optional<Accepted>> accept(const nix::StorePathHash& hash, std::string_view text,
                                       SentBy sent_by, std::string_view from);
  Task<std::optional<Accepted>> accept_of_store(const nix::StorePathHash& hash,
                                                std::string_view text);

  boost::asio::awaitable<Indexed> index(const nix::StorePathHash& hash, const nix::NarInfo& info,
                                        std::vector<nix::NarUrl> urls, std::string text,
                                        std::string upstream, SentBy sent_by);
  Task<void> put_text(storage::BlobKey key, std::string text);
  void tell(std::string_view what, const nix::StorePathHash& hash, const Error& error);
  Task<Found> keep(const nix::StorePathHash& hash, Finding finding, Asked asked);
  void fetch_ahead(const nix::NarInfo& info, db::NarRow nar, Asked asked);
  void fetch(const StillToFetch& left);
  Task<Found> serve(Accepted accepted, const nix::NarUrl& url, std::string_view how);
  MissingMemory::World world() const;

  storage::BlobStore& store_;
  db::Catalog& catalog_;
  const upstream::UpstreamSet& upstreams_;
  Downloads& downloads_;
  Pool& cpu_;  // signing and hashing are not for an io thread
  const Live<Trust>& trust_;
  Live<PrefetchPolicy> prefetch_;
  NarInfoJudge judge_;
  NarInfoSearch search_;
  UploadMarks marks_;
  MissingMemory missing_;
  FetchedAhead ahead_;
  std::atomic<std::uint64_t> policies_ = 0;  // how often there were others
  Slots searches_;
  Flights flights_;  // an edition for each of policies_
  ReferenceWalk walk_;
};

}  // namespace ncps::cache
