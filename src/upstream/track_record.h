// TrackRecord: what one upstream has shown and said of itself so far: its health, its speed, its
// nix-cache-info. Logs, once each, when it goes and when it is back.
//
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"
#include "nix/cache_info.h"
#include "rt/signal.h"
#include "upstream/health.h"
#include "upstream/latency.h"

namespace ncps::upstream {

inline constexpr int kDefaultPriority = 40;  // that of cache.nixos.org

class TrackRecord {
 public:
  // `priority`: what the options say; absent: nothing.
  TrackRecord(std::string name, std::optional<int> priority)
      : name_(std::move(name)), configured_priority_(priority) {}

  const std::string& name() const noexcept { return name_; }
  int priority() const noexcept;
  Standing standing() const noexcept;
  std::uint64_t returns() const noexcept;
  std::chrono::milliseconds usual_delay() const noexcept;
  Health::Time next_probe() const noexcept;
  Signal& sooner() noexcept { return sooner_; }  // notified when next_probe() has come nearer

  // One attempt under way. It must not outlive the record. Ends as "unknown" if nobody says how.
  class Attempt {
   public:
    Attempt(TrackRecord& record, Health::Kind kind);
    ~Attempt() { end(Health::Outcome::unknown, nullptr); }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    bool trial() const noexcept { return attempt_.trial; }
    Deadline::Clock::duration age() const { return Deadline::Clock::now() - begun_; }

    // Only the first call counts. `error`: for the log; null if it is alive.
    void end(Health::Outcome outcome, const Error* error);

   private:
    TrackRecord& record_;
    Health::Attempt attempt_;
    Deadline::Clock::time_point begun_ = Deadline::Clock::now();
    bool ended_ = false;
  };

  // A narinfo, or that it has none, came after that time.
  void answered_within(std::chrono::nanoseconds time);

  // Its nix-cache-info, as it is now. One that says nothing we know is none.
  void says(const nix::CacheInfo& info);

 private:
  struct State {
    Health health;
    Latency latency;
    std::optional<int> said_priority;
    std::string foreign_store_dir;  // empty: it is ours
  };

  const std::string name_;
  const std::optional<int> configured_priority_;
  Signal sooner_;
  Guarded<State> state_;
};

}  // namespace ncps::upstream
