// TaskGroup: owns every coroutine that is started without being awaited.
//
// Whoever starts such work owns a TaskGroup and joins it before what the work uses is destroyed.
// What escapes from a task is our own bug: it is logged with the task's name and ends only that
// task. Thread-safe.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <memory>
#include <string_view>

#include "rt/deadline.h"

namespace ncps {

class TaskGroup {
 public:
  TaskGroup();
  ~TaskGroup();  // REQUIRES: every task has ended

  // `name` must be a literal: it appears in the log if something escapes. The task begins within
  // the current span of whoever spawns it (telemetry/span.h). Throws where there is no memory for that; then
  // the task has not begun, and never does.
  void spawn(boost::asio::any_io_executor executor, std::string_view name,
             boost::asio::awaitable<void> task);

  std::size_t running() const;

  // Returns true when no task runs, false once the deadline has passed.
  boost::asio::awaitable<bool> join(Deadline deadline);

  // The same from a thread that runs no coroutines.
  bool join_blocking(Deadline deadline);

 private:
  struct State;  // shared with the tasks, which may end while the group is being joined
  std::shared_ptr<State> state_;
};

}  // namespace ncps
