// Health: what the last attempts tell about one upstream, and when it is to be probed next.
//
// A circuit: closed while the upstream helps, open while it does not. It opens at once if the
// upstream could not be reached, and at kFailuresInARow failures after it was reached. Any answer
// that makes sense closes it. Pure: time and chance are arguments. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

#include "rt/deadline.h"
#include "upstream/upstream.h"

namespace ncps::upstream {

class Health {
 public:
  using Time = Deadline::Clock::time_point;

  static constexpr unsigned kFailuresInARow = 5;
  static constexpr std::chrono::milliseconds kProbeEvery{60'000};  // while closed
  static constexpr std::chrono::milliseconds kFirstTrial{250};     // while open, doubled from there
  static constexpr std::chrono::milliseconds kMostBetweenTrials{10'000};

  enum class Kind : std::uint8_t { request, probe };
  enum class Outcome : std::uint8_t {
    alive,        // it answered what makes sense, be it a 404 or a 401
    failed,       // it was reached, and failed: a 5xx, a 429, an answer that breaks off
    unreachable,  // no connection, no TLS, no head in time
    unknown,      // nobody waited for the answer, or the fault was ours
  };
  enum class Change : std::uint8_t { none, went, came_back };

  struct Attempt {
    std::uint64_t number;  // in the order of beginning
    Kind kind;
    bool trial;  // the circuit was open when it began: make no other one after it
  };

  Attempt begin(Kind kind) noexcept;

  // Each attempt is ended once. A failure tells nothing if an attempt that began later has been
  // answered since. `unit_random` in [0,1) takes up to a quarter off the time to the next probe, so
  // that many instances do not come together.
  Change end(const Attempt& attempt, Outcome outcome, Time now, double unit_random) noexcept;

  // It says that its store lies where ours does, or that it does not.
  Change fits(bool store_dir_fits) noexcept;

  Standing standing() const noexcept;

  // How often it came back: from an open circuit, or from another StoreDir.
  std::uint64_t returns() const noexcept { return returns_; }

  // The first one is due at once. While the circuit is open they come ever later, and go on so if it
  // opens again although nothing but a probe has been answered for a minute: a server whose
  // nix-cache-info is well and nothing else would come and go four times a second. REQUIRES: probes are made one after the other.
  Time next_probe() const noexcept { return next_probe_; }

 private:
  Change judge(const Attempt& attempt, Outcome outcome, Time now) noexcept;
  void schedule(Time now, double unit_random) noexcept;

  std::uint64_t begun_ = 0;
  std::uint64_t last_alive_ = 0;  // of the attempts that were answered, the number of the last
  std::uint64_t returns_ = 0;
  unsigned failures_ = 0;  // in a row
  unsigned trials_ = 0;    // under way
  bool open_ = false;
  bool refused_ = false;
  bool proven_ = true;  // a request was answered since it came back
  std::chrono::milliseconds backoff_ = kFirstTrial;
  Time back_at_{};
  Time next_probe_{};
};

}  // namespace ncps::upstream
