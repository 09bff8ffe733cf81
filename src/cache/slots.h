// Slots: so many at once, and no more; who comes later waits until one of them is done.
//
// Where it is said who asks, one alone gets three of four places at most, and of the places to wait
// half: others are not kept out by it. Thread-safe. Must outlive what it gave out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "rt/deadline.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::cache {

class Slots {
 public:
  static constexpr std::size_t kMostWaiting = 1'000;  // by default

  // One place; destroying it gives it back.
  class Slot {
   public:
    Slot(Slots& of, std::string who) : of_(&of), who_(std::move(who)) {}
    Slot(Slot&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), who_(std::move(other.who_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (of_ != nullptr) of_->give_back(who_);
    }

   private:
    Slots* of_;
    std::string who_;
  };

  explicit Slots(std::size_t places, std::size_t most_waiting = kMostWaiting)
      : places_(places),
        most_waiting_(most_waiting),
        share_(std::max<std::size_t>(1, places * 3 / 4)),
        state_(State{.free = places}) {}

  // `who`: empty: nobody in particular. Errors: timeout; unavailable, if too many wait already, or
  // after close().
  Task<Slot> take(Deadline deadline, std::string who = {});

  struct Load {
    std::size_t taken, waiting;
  };
  Load load() const {
    return state_.with([&](const State& s) { return Load{places_ - s.free, s.waiting}; });
  }

  // Nobody gets a place any more, and nobody waits.
  void close();

 private:
  struct State {
    std::size_t free;
    std::size_t waiting = 0;
    bool closed = false;
    struct One {
      std::size_t holds = 0, waits = 0;
    };
    std::map<std::string, One> by;  // who holds or waits; not the empty one
  };
  // True: taken. False: none is free.
  Result<bool> try_take(const std::string& who);
  bool queue(const std::string& who);
  void give_back(const std::string& who);
  // Counts one more or less of what it holds or waits for.
  static void count(State& state, const std::string& who, std::size_t State::One::* what, int by);

  const std::size_t places_;
  const std::size_t most_waiting_;
  const std::size_t share_;  // of one alone
  Guarded<State> state_;
  Signal changed_;
};

}  // namespace ncps::cache
