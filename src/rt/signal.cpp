#include "rt/signal.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ncps {

namespace asio = boost::asio;

// A waiter sleeps on a timer that only its own thread touches; notify() posts the wake-up there.
struct Signal::Waiter {
  explicit Waiter(const asio::any_io_executor& executor, Deadline deadline)
      : timer(executor, deadline.at()) {}
  asio::steady_timer timer;
};

Signal::Signal() = default;
Signal::~Signal() = default;

std::uint64_t Signal::version() const {
  return state_.with([](const State& s) { return s.version; });
}

void Signal::notify() {
  auto waiters = state_.with([](State& s) {
    ++s.version;
    return std::exchange(s.waiters, {});
  });
  for (auto& waiter : waiters) {
    auto executor = waiter->timer.get_executor();
    asio::post(executor, [waiter = std::move(waiter)] { waiter->timer.cancel(); });
  }
}

asio::awaitable<bool> Signal::wait_past(std::uint64_t seen, Deadline deadline) {
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor, deadline);
  bool already = state_.with([&](State& s) {
    if (s.version != seen) return true;
    s.waiters.push_back(waiter);
    return false;
  });
  if (already) co_return true;
  co_await waiter->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return state_.with([&](State& s) {
    std::erase(s.waiters, waiter);  // still there only if the deadline came first
    return s.version != seen;
  });
}

asio::awaitable<void> sleep_for(Deadline::Clock::duration duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace ncps
