#include "cache/evictor.h"

#include <algorithm>

#include "cache/nar_layout.h"
#include "cache/upload_marks.h"
#include "telemetry/log.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

using namespace std::chrono;

constexpr int kPasses = 3;               // of one round: others go on writing meanwhile
constexpr seconds kAskTime{10};          // for a lease
constexpr seconds kOthersRound{30};      // until another instance's round is over
constexpr seconds kLookAgain{1};         // whether it is
constexpr milliseconds kOneNar{30'000};  // how long a NAR stays locked if we die while we remove it
constexpr minutes kRemoval{2};           // and if the disk hangs meanwhile

}  // namespace

void Evictor::start() {
  group_.spawn(runtime_.next_executor(), "evicting", run());
}

void Evictor::use(std::optional<CronSchedule> schedule) {
  schedule_.replace(std::move(schedule));
}

std::optional<seconds> Evictor::left(Timetable& times) const {
  auto schedule = schedule_.now();
  return *schedule ? times.left(**schedule, deps_.clock()) : std::nullopt;
}

boost::asio::awaitable<void> Evictor::run() {
  auto why = Why::needed;
  for (Timetable times(deps_.clock()); !deps_.space.stopped();) {
    auto outcome = co_await round(why);
    if (!outcome && !deps_.space.stopped()) {
      log::error("no room could be made", {{"error", outcome.error().what()}});
    }
    // Woken each ten minutes, so that a new schedule, and a clock that was set, are seen.
    seconds wait = kLookEvery;
    if (auto soon = left(times)) wait = std::clamp(*soon, seconds(0), wait);
    auto asked = co_await deps_.space.wanted(Deadline::after(wait));
    static_cast<void>(asked);
    auto due = left(times);
    bool scheduled = due && *due <= seconds(0);
    if (scheduled) times.followed(deps_.clock());
    why = scheduled ? Why::scheduled : Why::needed;
  }
}

Task<Evictor::Outcome> Evictor::round(Why why) {
  trace::Span span("cache.eviction", trace::Span::First{});
  auto begin = steady_clock::now();
  deps_.space.begin_round();
  auto outcome = co_await make_room(why);
  deps_.space.end_round(outcome && outcome->enough);
  if (outcome) report(*outcome, steady_clock::now() - begin);
  if (!outcome || !outcome->enough) deps_.probe.failed.add();
  co_return std::move(outcome);
}

Task<Evictor::Outcome> Evictor::make_room(Why why) {
  if (deps_.space.idle()) {  // it is counted all the same, for who wants to know
    auto counted = co_await count();
    if (!counted)
      log::warn("what is kept could not be counted", {{"error", counted.error().what()}});
    co_return Outcome();
  }
  CO_TRY(auto lease, co_await take_round(why));
  if (!lease) co_return co_await left_to_others(why);
  fence_ = lease->fence();
  CO_TRY(bool ours, co_await deps_.rows.claim_round(fence_));
  if (!ours) co_return co_await left_to_others(why);
  // An object has its row from here: or it would not be counted. What fails is written the next time.
  auto noted = co_await deps_.uses.write();
  static_cast<void>(noted);
  CO_TRY(co_await count());
  Outcome outcome;
  for (int pass = 0; pass < kPasses; ++pass) {
    CO_TRY(auto bytes, co_await deps_.space.bytes_to_free(why));
    if (bytes == 0 || !lease->good() || deps_.space.stopped()) co_return outcome;
    lease->progress();
    auto before = outcome.bytes;
    CO_TRY(co_await evict(bytes, outcome, *lease));
    outcome.enough = outcome.bytes - before >= bytes;
    if (!outcome.enough) break;
  }
  co_return outcome;
}

Task<std::unique_ptr<lock::Lease>> Evictor::take_round(Why why) {
  auto given_back = deps_.leases.given_back("lru");
  auto patience = Deadline::after(why == Why::scheduled ? seconds(0) : kOthersRound);
  for (;;) {
    auto seen = given_back->version();
    lock::Ask ask{.name = "lru",
                  .note = {},
                  .time_to_live = deps_.lease_lasts,
                  .stalls_after = deps_.lease_lasts};
    CO_TRY(auto taken, co_await deps_.leases.try_take(std::move(ask), Deadline::after(kAskTime)));
    if (auto* lease = std::get_if<std::unique_ptr<lock::Lease>>(&taken))
      co_return std::move(*lease);
    if (patience.passed() || deps_.space.stopped()) co_return std::unique_ptr<lock::Lease>();
    co_await given_back->wait_past(seen, patience.at_most(kLookAgain));
  }
}

Task<Evictor::Outcome> Evictor::left_to_others(Why why) {
  log::debug("another instance makes room");
  CO_TRY(co_await count());
  CO_TRY(auto bytes, co_await deps_.space.bytes_to_free(why));
  co_return Outcome{.enough = why == Why::scheduled || bytes == 0, .elsewhere = true};
}

// What was used first: the row of a new object comes with the note of its first use.
Task<void> Evictor::count() {
  CO_TRY(co_await deps_.uses.write());
  CO_TRY(auto totals, co_await deps_.rows.totals());
  auto kept = totals.nar_bytes + totals.object_bytes + totals.narinfos * kNarInfoBytes;
  deps_.space.measured(kept);
  counted_.with([&](auto& last) { last = totals; });
  log::debug("counted what is kept",
             {{"bytes", kept}, {"nars", totals.nars}, {"narinfos", totals.narinfos}});
  co_return Result<void>();
}

Task<void> Evictor::evict(std::uint64_t bytes, Outcome& outcome, lock::Lease& lease) {
  CO_TRY(co_await deps_.uses.write());  // or what is used now would look old
  OldestFirst candidates(deps_.rows, system_time() - kGrace);
  const auto goal = outcome.bytes + bytes;
  std::optional<std::size_t> pages;
  // What is used meanwhile comes again, further on: the rows that there are now are enough.
  CO_TRY(auto totals, co_await deps_.rows.totals());
  auto left = totals.nars + totals.narinfos + totals.objects;
  while (outcome.bytes < goal && left-- > 0 && !deps_.space.stopped() && lease.good()) {
    CO_TRY(auto kept, co_await candidates.next());
    if (!kept) break;
    if (pages != candidates.pages()) {  // somebody may have pinned something since
      pages = candidates.pages();
      CO_TRY(co_await pinned_.refresh());
    }
    CO_TRY(co_await evict_one(std::move(*kept), outcome));
    lease.progress();
  }
  co_return Result<void>();
}

Task<Evictor::Fate> Evictor::evict_one(Kept kept, Outcome& outcome) {
  if (auto* nar = std::get_if<db::KeptNar>(&kept)) co_return co_await evict_nar(*nar, outcome);
  if (auto* narinfo = std::get_if<db::KeptNarInfo>(&kept))
    co_return co_await evict_narinfo(*narinfo, outcome);
  co_return co_await evict_object(std::get<db::KeptObject>(kept), outcome);
}

Task<Evictor::Fate> Evictor::evict_nar(const db::KeptNar& nar, Outcome& outcome) {
  bool wanted = std::ranges::any_of(nar.narinfos, [&](const auto& hash) {
    return pinned_.contains(hash) || deps_.uses.is_pending(hash);
  });
  if (wanted || deps_.uses.is_pending(nar.url) || nar.awaits_narinfo || deps_.nars.is_read(nar.url))
    co_return Fate::stays;
  // No download, no upload, no search: in the order in which uploads take theirs.
  std::vector<NarInfoService::Hold> held;
  std::vector<KeyLocks<nix::StorePathHash>::Held> not_uploaded;
  for (const auto& hash : nar.narinfos) {
    auto locked = deps_.locks.narinfos.try_take(hash);
    if (!locked) co_return Fate::stays;
    not_uploaded.push_back(std::move(*locked));
    auto hold = deps_.narinfos.try_hold(hash);
    if (!hold) co_return Fate::stays;
    held.push_back(std::move(*hold));
  }
  auto locked = deps_.locks.nars.try_take(nar.url);
  auto alone = deps_.downloads.try_exclude(nar.url);
  if (!locked || !alone) co_return Fate::stays;

  // On other instances neither: or its new file might go instead of the old one.
  lock::Ask ask{.name = download_lease(nar.url),
                .note = {},
                .time_to_live = kOneNar,
                .stalls_after = kRemoval};
  CO_TRY(auto taken, co_await deps_.leases.try_take(std::move(ask), Deadline::after(kAskTime)));
  if (std::holds_alternative<lock::Holder>(taken)) co_return Fate::stays;

  auto dropped = co_await deps_.rows.drop(nar, fence_);
  if (!dropped && dropped.error().no_space()) {
    // Not even the database can write: the file goes first. If we end here, it is found missing
    // when somebody asks for it, and fetched again.
    CO_TRY(co_await remove_files(nar));
    dropped = co_await deps_.rows.drop(nar, fence_);
  }
  if (!dropped) co_return std::unexpected(std::move(dropped).error());
  if (!*dropped) co_return Fate::stays;
  for (const auto& hash : nar.narinfos) deps_.forget(hash);
  auto removed = co_await remove_narinfos(nar);
  // Somebody may have come since: in a bucket it would break off under them.
  bool read = removed && deps_.nars.is_read(nar.url);
  auto key = nar_key(nar.url);
  if (removed && !read) removed = co_await deps_.store.remove(key);
  if (!removed || read) {
    // It still takes its room, so it is still here: for the next round.
    auto marked = co_await deps_.catalog.mark_stored(nar.url, nar.size);
    if (!removed) co_return std::unexpected(std::move(removed).error());
    CO_TRY(std::move(marked));
  }
  auto bytes = (read ? 0 : nar.size) + nar.narinfos.size() * kNarInfoBytes;
  deps_.space.freed(bytes);
  outcome.bytes += bytes;
  outcome.narinfos += nar.narinfos.size();
  if (read) co_return Fate::stays;
  ++outcome.nars;
  log::debug("evicted", {{"nar", nar.url.str()}, {"bytes", nar.size}, {"used", nar.place.used}});
  co_return Fate::gone;
}

// With the mark of an upload.
Task<void> Evictor::remove_narinfo(const nix::StorePathHash& hash) {
  auto key = narinfo_key(hash);
  CO_TRY(co_await deps_.store.remove(key));
  UploadMarks marks(deps_.store);
  co_return co_await marks.remove(hash);
}

Task<void> Evictor::remove_narinfos(const db::KeptNar& nar) {
  for (const auto& hash : nar.narinfos) {
    CO_TRY(co_await remove_narinfo(hash));
  }
  co_return Result<void>();
}

Task<void> Evictor::remove_files(const db::KeptNar& nar) {
  CO_TRY(co_await remove_narinfos(nar));
  auto key = nar_key(nar.url);
  co_return co_await deps_.store.remove(key);
}

Task<Evictor::Fate> Evictor::evict_narinfo(const db::KeptNarInfo& narinfo, Outcome& outcome) {
  if (narinfo.nar_at_rest || pinned_.contains(narinfo.hash) || deps_.uses.is_pending(narinfo.hash))
    co_return Fate::stays;
  auto locked = deps_.locks.narinfos.try_take(narinfo.hash);
  auto hold = deps_.narinfos.try_hold(narinfo.hash);
  if (!locked || !hold) co_return Fate::stays;
  CO_TRY(bool dropped, co_await deps_.rows.drop(narinfo, fence_));
  if (!dropped) co_return Fate::stays;
  deps_.forget(narinfo.hash);
  CO_TRY(co_await remove_narinfo(narinfo.hash));
  deps_.space.freed(kNarInfoBytes);
  outcome.bytes += kNarInfoBytes;
  ++outcome.narinfos;
  co_return Fate::gone;
}

Task<Evictor::Fate> Evictor::evict_object(const db::KeptObject& object, Outcome& outcome) {
  auto key = storage::BlobKey::parse(object.key);
  if (key && deps_.uses.is_pending(*key)) co_return Fate::stays;
  CO_TRY(bool dropped, co_await deps_.rows.drop(object, fence_));
  if (!dropped) co_return Fate::stays;
  if (key) {
    CO_TRY(co_await deps_.store.remove(*key));
    deps_.uses.forget(*key);  // somebody may have read it since it was found old
  }
  deps_.space.freed(object.size);
  outcome.bytes += object.size;
  ++outcome.objects;
  co_return Fate::gone;
}

void Evictor::report(const Outcome& outcome, std::chrono::duration<double> took) {
  auto kept = deps_.space.kept();
  if (outcome.bytes != 0) {
    const auto& probe = deps_.probe;
    probe.rounds.add();
    probe.seconds.observe(took.count());
    probe.nars.add(outcome.nars);
    probe.narinfos.add(outcome.narinfos);
    probe.objects.add(outcome.objects);
    probe.bytes.add(outcome.bytes);
    log::info("made room", {{"bytes", outcome.bytes},
                            {"nars", outcome.nars},
                            {"narinfos", outcome.narinfos},
                            {"objects", outcome.objects},
                            {"kept", kept.value_or(0)},
                            {"elapsed", took.count()}});
  }
  if (outcome.enough || outcome.elsewhere) return;
  deps_.space.complain(
      Error(ErrorKind::unavailable, "what is left is in use, awaits its narinfo, or is one of " +
                                        std::to_string(pinned_.size()) + " pinned store paths"));
}

}  // namespace ncps::cache
