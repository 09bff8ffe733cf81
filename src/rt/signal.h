// Signal: "something changed, look again", for any number of coroutines on any threads.
//
//   auto seen = signal.version();
//   if (nothing_to_do_yet()) co_await signal.wait_past(seen, deadline);
//
// Reading the version before looking at the state makes a lost wake-up impossible. Thread-safe.
// Must outlive its waiters; each waiter wakes on its own executor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/guarded.h"
#include "rt/deadline.h"

namespace ncps {

class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  std::uint64_t version() const;

  // Wakes everybody who waits.
  void notify();

  // Returns true as soon as the version differs from `seen`, false once the deadline has passed.
  boost::asio::awaitable<bool> wait_past(std::uint64_t seen, Deadline deadline);

 private:
  struct Waiter;  // keeps Asio's timer headers out of ours
  struct State {
    std::uint64_t version = 0;
    std::vector<std::shared_ptr<Waiter>> waiters;
  };
  Guarded<State> state_;
};

// Returns when the time has come.
boost::asio::awaitable<void> sleep_for(Deadline::Clock::duration duration);

}  // namespace ncps
