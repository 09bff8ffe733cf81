// Space: how much is kept, how much may be, and who waits for room.
//
// Who has something to publish reserves its bytes first; if they do not fit he asks for a round of
// eviction (evictor.h) and waits for it. What is kept is counted in the database now and then, and
// followed in between: a little too much rather than too little. Thread-safe; nothing here is on
// the path of a hit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/guarded.h"
#include "base/live.h"
#include "cache/space_policy.h"
#include "rt/deadline.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::cache {

// Of the store's file system. nullopt: it has none (a bucket), or nobody knows.
using DiskProbe = std::function<Task<std::optional<storage::FreeSpace>>()>;

class Space {
 public:
  static constexpr std::chrono::seconds kPatience{60};  // of who waits for room
  // After a round that found too little nobody begins another for so long.
  static constexpr std::chrono::seconds kPause{5};

  // `probe` empty: there is no disk to watch.
  explicit Space(SpaceLimits limits = {}, DiskProbe probe = {})
      : limits_(limits), probe_(std::move(probe)) {}

  void use(SpaceLimits limits);  // the options have changed

  // ---- who keeps something ----
  // Until `bytes` may be published. Errors: unavailable (there is no room: do not keep it).
  Task<void> reserve(std::uint64_t bytes);
  void keep(std::uint64_t bytes);  // what was reserved is at rest now, and noted in the catalog
  void give_back(std::uint64_t bytes);  // it is not
  void add(std::uint64_t bytes);        // kept without asking: small things

  // The disk was full. Whether there is room for `bytes` now, after a round, for which nobody waits longer than
  // kPatience.
  Task<bool> make_room(std::uint64_t bytes, Deadline deadline = Deadline::never());
  // Whether the disk has room for `bytes` that are to be fetched, if need be after a round.
  Task<bool> has_room(std::uint64_t bytes, Deadline deadline);

  // Bytes of the largest thing that could be kept if all the rest went. Errors: unavailable.
  Task<std::uint64_t> largest();

  // Says, at most once a minute, that what comes now is served but not kept, and why.
  void complain(const Error& why);

  // Nobody gets room any more, and nobody waits.
  void stop();

  // ---- the evictor ----
  // Waits until a round is asked for, or stop(): false, too, at the deadline.
  Task<bool> wanted(Deadline deadline);
  bool stopped() const;
  // There is no limit, and nobody waits: nothing to look after.
  bool idle() const;
  void begin_round();
  // What is kept has been counted, beginning at begin_round().
  void measured(std::uint64_t bytes);
  Task<std::uint64_t> bytes_to_free(Why why);
  void freed(std::uint64_t bytes);
  // `enough`: whoever still waits may hope for another one.
  void end_round(bool enough);

  std::optional<std::uint64_t> kept() const;      // bytes; nullopt: not counted yet
  std::optional<std::uint64_t> max_size() const;  // bytes; nullopt: no limit
  std::uint64_t waiting() const;                  // bytes of those who wait to publish

 private:
  struct State {
    std::optional<std::uint64_t> measured;
    std::uint64_t since = 0;                   // kept since that count began
    std::uint64_t since_begin = 0;             // since the last begin_round()
    std::uint64_t reserved = 0;                // being published
    std::uint64_t waiting = 0;                 // of those who wait to publish
    std::uint64_t disk_wanted = 0;             // of those who wait to write
    std::uint64_t asked = 0;                   // rounds
    std::uint64_t begun = 0, done = 0;         // rounds
    Deadline::Clock::time_point not_before{};  // of the next round that is asked for
    Deadline::Clock::time_point quiet_until{};
    bool stopped = false;

    std::uint64_t kept() const { return measured.value_or(0) + since + reserved; }
  };
  class Waiting;

  Task<std::optional<storage::FreeSpace>> disk();
  // The round that will help; nullopt: none would, for now.
  std::optional<std::uint64_t> ask();

  Live<SpaceLimits> limits_;
  const DiskProbe probe_;
  Guarded<State> state_;
  Signal changed_;  // for who waits for room
  Signal asked_;    // for the evictor
};

}  // namespace ncps::cache
