// CountLog: how often what was served, added up by day in the database.
//
// Counting must not cost a write: numbers are added in memory, and written every minute and at the
// end. A crash forgets the last minute. What could not be written because the database was away counts for the
// day on which it is back. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "cache/served_counts.h"
#include "cache/upstream_counts.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"

namespace ncps::cache {

class CountLog {
 public:
  static constexpr std::chrono::seconds kEvery{60};

  // `upstreams`: written at the same times; nullptr: there are none.
  CountLog(Runtime& runtime, db::Inventory& inventory, UpstreamCounts* upstreams = nullptr)
      : runtime_(runtime), inventory_(inventory), upstreams_(upstreams) {}

  // `how`: as in http::Response::cache; `found` false: no upstream has it. Without waiting for
  // anything: for the hot path.
  void narinfo(std::string_view how, bool found);
  void nar(const nix::NarUrl& url, std::string_view how, std::uint64_t bytes);

  // Begins to write.
  void start();

  // Writes what was counted up to now. Errors: unavailable; it is kept for the next time.
  Task<void> write();

  // Writes once more, and ends. Blocks: not from an io thread. False: it has not ended by then.
  bool stop(Deadline deadline);

 private:
  enum Which : std::uint8_t { info_hit, info_miss, info_none, nar_hit, nar_shared, nar_miss };
  static constexpr std::array kNames{kNarInfoHit, kNarInfoMiss, kNarInfoNone,
                                     kNarHit,     kNarShared,   kNarMiss};
  struct Counter {
    std::atomic<std::uint64_t> number = 0, bytes = 0;
  };
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {  // threads rarely meet
    std::array<Counter, kNames.size()> counters;
  };

  void add(Which which, std::uint64_t number, std::uint64_t bytes);
  boost::asio::awaitable<void> write_again_and_again();

  Runtime& runtime_;
  db::Inventory& inventory_;
  UpstreamCounts* upstreams_;
  std::array<Shard, kShards> shards_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
  TaskGroup group_;
};

}  // namespace ncps::cache
