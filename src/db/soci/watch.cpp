#include "db/soci/watch.h"

namespace ncps::db {

Watch::Watch() : thread_([this] { run(); }) {}

Watch::~Watch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Watch::Turn::Turn(Watch& watch, Session& session, Deadline deadline) : watch_(watch) {
  std::lock_guard lock(watch_.mutex_);
  place_ = watch_.turns_.emplace(deadline.at(), &session);
  if (deadline.at() < watch_.waking_) watch_.changed_.notify_one();
}

Watch::Turn::~Turn() {
  std::lock_guard lock(watch_.mutex_);
  watch_.turns_.erase(place_);
}

void Watch::run() {
  using Clock = Deadline::Clock;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto now = Clock::now();
    auto next = turns_.begin();
    for (; next != turns_.end() && next->first <= now; ++next) next->second->cut();
    // Turns that end wake nobody: looking in vain is cheaper. Nobody at all: in an hour, if not
    // called.
    waking_ = next == turns_.end() ? now + std::chrono::hours(1) : next->first;
    changed_.wait_until(lock, waking_);
  }
}

}  // namespace ncps::db
