#include "app/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <thread>

#include "base/posix_error.h"

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

// Those of a stop, until the event.
void end_at_signal(const UniqueFd& signals, int stop) {
  pollfd both[] = {{.fd = signals.get(), .events = POLLIN, .revents = 0},
                   {.fd = stop, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (::poll(both, 2, -1) < 0) continue;
    if (both[1].revents != 0) return;  // and what has come stays for others
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) != sizeof info) continue;
    constexpr char kSaid[] = "ncps: asked to stop while starting\n";
    [[maybe_unused]] auto written = ::write(STDERR_FILENO, kSaid, sizeof kSaid - 1);
    ::_exit(0);
  }
}

}  // namespace

void block_signals() {
  auto set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int wait_for_signal(std::chrono::seconds every, const std::function<void()>& meanwhile) {
  auto set = our_signals();
  const timespec wait{.tv_sec = every.count(), .tv_nsec = 0};
  for (;;) {
    int number = ::sigtimedwait(&set, nullptr, &wait);
    if (number > 0) return number;
    if (errno == EAGAIN) meanwhile();
  }
}

Result<EndWhileStarting> EndWhileStarting::start() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return std::unexpected(posix_error("waiting for signals", "signalfd", errno));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop) return std::unexpected(posix_error("waiting for signals", "eventfd", errno));
  std::thread thread([signals = std::move(signals), stop = stop.get()] {
    ::pthread_setname_np(::pthread_self(), "start signals");
    end_at_signal(signals, stop);
  });
  return EndWhileStarting(std::move(stop), std::move(thread));
}

void EndWhileStarting::stop() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void leave_at_next_signal() {
  // Lives until the process ends: it only waits, and owns nothing.
  std::thread([] {
    for (;;) {
      auto number = wait_for_signal(std::chrono::hours(1), [] {});
      if (number != SIGHUP) ::_exit(128 + number);
    }
  }).detach();
}

}  // namespace ncps::app
