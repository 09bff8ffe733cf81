// Scrub: the server reads again what it keeps, in the background and slowly, what was verified
// longest ago first. What is wrong is removed, and fetched again when somebody asks for it; what
// cannot be read is left and said.
//
// Of several instances that share a store one does so at a time.
#pragma once

#include <atomic>
#include <optional>

#include "base/timetable.h"
#include "cache/nar_check.h"
#include "lock/leases.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"

namespace ncps::cache {

struct ScrubOptions {
  std::optional<CronSchedule> schedule;  // absent: never
  std::uint64_t bytes_per_second = 0;    // 0: as fast as they come
  lock::Leases* leases = nullptr;        // nullptr: there are no other instances
  std::chrono::milliseconds lease_lasts{std::chrono::minutes(30)};  // after an instance has died
  WallClock clock = system_time;                                    // of the schedule
  std::chrono::milliseconds nap{std::chrono::minutes(1)};  // between two looks at it, at most
};

struct ScrubOutcome {
  std::uint64_t right = 0, bytes = 0;  // read and right
  std::uint64_t removed = 0;           // whose bytes were wrong
  std::uint64_t absent = 0;            // noted as stored, and not there
  std::uint64_t unread = 0;            // could not be read
  bool elsewhere = false;              // another instance does it: nothing was looked at
};

class Scrub {
 public:
  static constexpr std::size_t kMostAbsent =
      50;  // one after the other: then it is the store that went

  Scrub(Runtime& runtime, NarCheckDeps deps, ScrubOptions options)
      : runtime_(runtime), deps_(std::move(deps)), options_(std::move(options)) {}

  // Waits for its times, if it has any.
  void start();

  // All NARs at rest that were not verified since this began, or as many until it is stopped. Errors:
  // unavailable: the database cannot be asked.
  Task<ScrubOutcome> run();

  // Ends soon, in the middle of a NAR if need be: that one is read again another time. Blocks: not from
  // an io thread. False: it has not ended by then.
  bool stop(Deadline deadline);

 private:
  enum class Fate : std::uint8_t {
    judged,  // right, or removed
    absent,
    gone,  // since the page was read: it was evicted, or a client removed it
  };
  boost::asio::awaitable<void> at_its_times();
  boost::asio::awaitable<bool> wait_for_its_time();  // false: stopped, or it has none
  // nullopt: another instance has it.
  Task<std::optional<std::unique_ptr<lock::Lease>>> take_lease();
  Task<bool> is_noted(const nix::NarUrl& url);  // as stored
  Task<Fate> one(const db::NarRow& row, db::Time begun, Pace& pace, ScrubOutcome& outcome);

  Runtime& runtime_;
  const NarCheckDeps deps_;
  const ScrubOptions options_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
  TaskGroup group_;
};

}  // namespace ncps::cache
