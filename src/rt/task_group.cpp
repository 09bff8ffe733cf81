#include "rt/task_group.h"

#include <boost/asio/co_spawn.hpp>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/check.h"
#include "rt/signal.h"
#include "rt/traced_executor.h"
#include "telemetry/log.h"
#include "telemetry/span.h"

namespace ncps {

namespace asio = boost::asio;

struct TaskGroup::State {
  mutable std::mutex mutex;
  std::condition_variable none_left;
  std::size_t running = 0;
  Signal ended;
};

TaskGroup::TaskGroup() : state_(std::make_shared<State>()) {}

TaskGroup::~TaskGroup() {
  CHECK(running() == 0);
}

void TaskGroup::spawn(asio::any_io_executor executor, std::string_view name,
                      asio::awaitable<void> task) {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->running;
  }
  auto ended = [state = state_, name](const std::exception_ptr& escaped) {
    if (escaped) {
      try {
        std::rethrow_exception(escaped);
      } catch (const std::exception& e) {
        log::error("a background task ended by an exception",
                   {{"task", name}, {"error", e.what()}});
      }
    }
    std::size_t left = 0;
    {
      std::lock_guard lock(state->mutex);
      left = --state->running;
      if (left == 0) state->none_left.notify_all();
    }
    if (left == 0) state->ended.notify();
  };
  try {
    if (trace::enabled()) executor = traced(executor, trace::here());
    asio::co_spawn(executor, std::move(task), std::move(ended));
  } catch (...) {  // no memory: it has not begun
    std::lock_guard lock(state_->mutex);
    if (--state_->running == 0) state_->none_left.notify_all();
    throw;
  }
}

std::size_t TaskGroup::running() const {
  std::lock_guard lock(state_->mutex);
  return state_->running;
}

asio::awaitable<bool> TaskGroup::join(Deadline deadline) {
  auto state = state_;
  for (;;) {
    auto seen = state->ended.version();
    if (running() == 0) co_return true;
    bool more = co_await state->ended.wait_past(seen, deadline);
    if (!more) co_return running() == 0;
  }
}

bool TaskGroup::join_blocking(Deadline deadline) {
  std::unique_lock lock(state_->mutex);
  auto none = [&] { return state_->running == 0; };
  if (deadline.at() == Deadline::never().at()) {
    state_->none_left.wait(lock, none);
    return true;
  }
  return state_->none_left.wait_until(lock, deadline.at(), none);
}

}  // namespace ncps
