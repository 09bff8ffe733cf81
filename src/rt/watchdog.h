// Watchdog: tells somebody in time, again and again, that every loop of a Runtime still runs.
//
// It passes through all of them in turn: one that is stuck for good keeps it from telling. Pools are
// not looked at: a disk that does not answer is no reason to be killed.
#pragma once

#include <chrono>
#include <functional>

#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"

namespace ncps {

class Watchdog {
 public:
  // Begins to call `alive`, from a loop: at once, and then every half of `patience`. The runtime
  // must outlive it.
  Watchdog(Runtime& runtime, std::chrono::microseconds patience, std::function<void()> alive);
  ~Watchdog();  // REQUIRES: stop() has returned true

  // False: the deadline has passed, and a loop is stuck. From a thread that runs no coroutines.
  bool stop(Deadline deadline);

 private:
  boost::asio::awaitable<void> watch();

  Runtime& runtime_;
  std::chrono::microseconds pause_;
  std::function<void()> alive_;
  Signal over_;
  std::uint64_t running_ = over_.version();
  TaskGroup group_;
};

}  // namespace ncps
