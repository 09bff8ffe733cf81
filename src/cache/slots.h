// Slots: so many at once, and no more; who comes later waits until one of them is done.
//
// Thread-safe. Must outlive what it gave out.
#pragma once

#include <cstddef>
#include <utility>

#include "base/guarded.h"
#include "rt/deadline.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::cache {

class Slots {
 public:
  static constexpr std::size_t kMostWaiting = 1'000;

  // One place; destroying it gives it back.
  class Slot {
   public:
    explicit Slot(Slots& of) : of_(&of) {}
    Slot(Slot&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (of_ != nullptr) of_->give_back();
    }

   private:
    Slots* of_;
  };

  explicit Slots(std::size_t places) : places_(places), state_(State{.free = places}) {}

  // Errors: timeout; unavailable, if too many wait already, or after close().
  Task<Slot> take(Deadline deadline);

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
  };
  // True: taken. False: none is free.
  Result<bool> try_take();
  void give_back();

  const std::size_t places_;
  Guarded<State> state_;
  Signal changed_;
};

}  // namespace ncps::cache
