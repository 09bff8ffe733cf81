// Which upstream is asked next for a narinfo, and whose answer is taken. Pure.
//
// The best is asked first. If it fails or has none, the next; if it takes longer than it usually
// does, the next as well, beside it: a hedge. Of several that have it the best one wins, if its
// answer comes soon enough.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

namespace ncps::cache {

using RaceClock = std::chrono::steady_clock;

// One upstream in a race. They stand in the order in which they are to be asked.
struct Runner {
  enum class State : std::uint8_t { waiting, asked, missing, failed, found };
  State state = State::waiting;
  bool last_resort = false;  // in doubtful standing: asked only where the good ones cannot help
  RaceClock::duration usual_delay{};
  RaceClock::time_point asked_at{};
  RaceClock::time_point answered_at{};
};

struct RacePolicy {
  // Once somebody has found it, a better one that was asked before has so long to find it as well.
  std::chrono::milliseconds grace{50};
  // Whoever has not answered for so long is joined by the next even where hedges are used up.
  std::chrono::milliseconds patience{3'000};
};

struct Move {
  enum class Kind : std::uint8_t {
    ask,   // `who`
    wait,  // until somebody answers, or `until`
    take,  // the answer of `who`
    end,   // nobody has it
  };
  Kind kind;
  std::size_t who = 0;
  bool extra = false;  // asked beside others who may still answer
  RaceClock::time_point until = RaceClock::time_point::max();
};

Move next_move(const RacePolicy& policy, std::span<const Runner> runners, bool may_hedge,
               RaceClock::time_point now) noexcept;

}  // namespace ncps::cache
