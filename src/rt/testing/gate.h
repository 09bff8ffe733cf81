// Gate: coroutines wait at it until the test opens it; the test waits until they have come.
// Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "rt/signal.h"

namespace ncps::testing {

class Gate {
 public:
  void open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify();
  }

  boost::asio::awaitable<void> pass() {
    {
      std::lock_guard lock(mutex_);
      ++come_;
    }
    came_.notify_all();
    for (;;) {
      auto seen = changed_.version();
      if (is_open()) co_return;
      co_await changed_.wait_past(seen, Deadline::never());
    }
  }

  // Blocks until `n` have come to it, all in all. False: they have not within a minute.
  bool wait_for(int n) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::minutes(1), [&] { return come_ >= n; });
  }

  int come() const {
    std::lock_guard lock(mutex_);
    return come_;
  }

 private:
  bool is_open() const {
    std::lock_guard lock(mutex_);
    return open_;
  }

  mutable std::mutex mutex_;
  std::condition_variable came_;
  int come_ = 0;
  bool open_ = false;
  Signal changed_;
};

}  // namespace ncps::testing
