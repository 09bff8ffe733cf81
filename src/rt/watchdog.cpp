#include "rt/watchdog.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace ncps {

Watchdog::Watchdog(Runtime& runtime, std::chrono::microseconds patience,
                   std::function<void()> alive)
    : runtime_(runtime), pause_(patience / 2), alive_(std::move(alive)) {
  group_.spawn(runtime.loop(0).get_executor(), "watchdog", watch());
}

Watchdog::~Watchdog() = default;

bool Watchdog::stop(Deadline deadline) {
  over_.notify();
  return group_.join_blocking(deadline);
}

boost::asio::awaitable<void> Watchdog::watch() {
  do {
    // Each comes back to our own loop by way of that one.
    for (std::size_t i = 0; i < runtime_.size(); ++i)
      co_await boost::asio::post(runtime_.loop(i).get_executor(), boost::asio::use_awaitable);
    alive_();
  } while (!co_await over_.wait_past(running_, Deadline::after(pause_)));
}

}  // namespace ncps
