// SIGTERM, SIGINT: the first asks the program to end, the second ends it at once. SIGHUP: read the
// options anew.
//
// Source: sigwaitinfo(2). block_signals() must be called before the first thread is made.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"

namespace ncps::app {

// In this and every later thread those signals wait for wait_for_signal(). SIGPIPE is ignored.
void block_signals();

// Returns with the number of the next one: SIGTERM, SIGINT or SIGHUP. Until it comes `meanwhile` is called
// again and again, each time that `every` has passed.
int wait_for_signal(std::chrono::seconds every, const std::function<void()>& meanwhile);

// While we start, and nobody waits for signals yet (a migration by another process, a name that is looked
// up, an S3 server that does not answer may take minutes): SIGTERM and SIGINT end the process at once, with
// 0, as nothing is in flight. SIGHUP waits. What comes after stop() waits for wait_for_signal().
class EndWhileStarting {
 public:
  // Errors: unavailable.
  static Result<EndWhileStarting> start();
  ~EndWhileStarting() { stop(); }
  EndWhileStarting(EndWhileStarting&&) = default;

  void stop();

 private:
  EndWhileStarting(UniqueFd stop, std::thread thread)
      : stop_(std::move(stop)), thread_(std::move(thread)) {}

  UniqueFd stop_;  // an event
  std::thread thread_;
};

// From now on SIGTERM and SIGINT end the process at once, with 128 + their number, and SIGHUP does
// nothing.
void leave_at_next_signal();

}  // namespace ncps::app
