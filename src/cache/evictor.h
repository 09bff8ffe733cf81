// Evictor: makes room, in rounds.
//
// A round counts what is kept, and if that is too much drops what was used longest ago: a NAR
// together with the narinfos that lead to it, a narinfo without a NAR, or another object. First in
// the database, if nobody used it meanwhile; then in memory; then in the store. Never what is
// pinned, read, on its way here, or was uploaded and awaits its narinfo. Rounds run one after the
// other: when somebody waits for room (space.h), by the schedule, and each ten minutes to look. Of
// several instances one makes room at a time; the others count again when it is done.
//
// Thread-safe. Must be stopped before what EvictorDeps refers to is destroyed.
#pragma once

#include <functional>

#include "base/timetable.h"
#include "cache/eviction_probe.h"
#include "cache/nar_info_service.h"
#include "cache/nar_service.h"
#include "cache/oldest_first.h"
#include "cache/pinned_closure.h"
#include "cache/sharing.h"
#include "cache/space.h"
#include "cache/upload_answer.h"
#include "cache/use_log.h"

namespace ncps::cache {

struct EvictorDeps {
  storage::BlobStore& store;
  db::Catalog& catalog;
  db::Eviction& rows;
  db::Pins& pins;
  Downloads& downloads;
  NarService& nars;
  NarInfoService& narinfos;
  UploadLocks& locks;
  UseLog& uses;
  Space& space;
  lock::Leases& leases;
  // Forgets a narinfo that is ready in memory.
  std::function<void(const nix::StorePathHash&)> forget;
  // After an instance has died, or hangs in the middle of a round.
  std::chrono::milliseconds lease_lasts{std::chrono::minutes(30)};
  EvictionProbe probe = {};
  WallClock clock = system_time;  // of the schedule
};

class Evictor {
 public:
  // A narinfo counts as so many bytes: about its text.
  static constexpr std::uint64_t kNarInfoBytes = 1024;
  static constexpr std::chrono::minutes kLookEvery{10};
  static constexpr std::chrono::hours kGrace{1};  // of an upload that awaits its narinfo

  Evictor(Runtime& runtime, EvictorDeps deps)
      : runtime_(runtime),
        deps_(std::move(deps)),
        pinned_(deps_.pins, deps_.catalog, deps_.store) {}

  // Begins. The first round, which only counts if nothing is too much, comes at once.
  void start();

  // nullopt: no schedule.
  void use(std::optional<CronSchedule> schedule);

  // Ends the round that runs at its next step, and begins no other. Space must have been stopped.
  // Blocks: not from an io thread. False: it has not ended by then.
  bool stop(Deadline deadline) { return group_.join_blocking(deadline); }

  struct Outcome {
    std::uint64_t nars = 0, narinfos = 0, objects = 0, bytes = 0;
    bool enough = true;
    bool elsewhere = false;  // another instance makes room
  };

  // One round. Not beside start(): for tests. Errors: unavailable.
  Task<Outcome> round(Why why);

  // As of the last count, which is at most kLookEvery old, if the database answers; nullopt: none yet.
  std::optional<db::KeptTotals> counted() const {
    return counted_.with([](const auto& totals) { return totals; });
  }

 private:
  enum class Fate : std::uint8_t { gone, stays };

  boost::asio::awaitable<void> run();
  std::optional<std::chrono::seconds> left(Timetable& times) const;  // until the schedule is due
  Task<Outcome> make_room(Why why);
  // nullptr: another instance has it.
  Task<std::unique_ptr<lock::Lease>> take_round(Why why);
  Task<Outcome> left_to_others(Why why);
  Task<void> count();
  Task<void> evict(std::uint64_t bytes, Outcome& outcome, lock::Lease& lease);
  Task<Fate> evict_one(Kept kept, Outcome& outcome);
  Task<Fate> evict_nar(const db::KeptNar& nar, Outcome& outcome);
  Task<Fate> evict_narinfo(const db::KeptNarInfo& narinfo, Outcome& outcome);
  Task<Fate> evict_object(const db::KeptObject& object, Outcome& outcome);
  Task<void> remove_narinfo(const nix::StorePathHash& hash);
  Task<void> remove_narinfos(const db::KeptNar& nar);
  Task<void> remove_files(const db::KeptNar& nar);
  void report(const Outcome& outcome, std::chrono::duration<double> took);

  Runtime& runtime_;
  const EvictorDeps deps_;
  PinnedClosure pinned_;
  Live<std::optional<CronSchedule>> schedule_{std::nullopt};
  std::uint64_t fence_ = 0;  // of the round
  Guarded<std::optional<db::KeptTotals>> counted_;
  TaskGroup group_;
};

}  // namespace ncps::cache
