#include "app/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace ncps::app {
namespace {

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void block_signals() {
  auto set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal() {
  auto set = our_signals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number;
}

void leave_at_next_signal() {
  // Lives until the process ends: it only waits, and owns nothing.
  std::thread([] {
    for (;;) {
      auto number = wait_for_signal();
      if (number != SIGHUP) ::_exit(128 + number);
    }
  }).detach();
}

}  // namespace ncps::app
