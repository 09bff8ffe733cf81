// Bell: one coroutine waits, others of the same thread ring. No lock and no thread in it; between
// threads use Signal.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace ncps::http {

class Bell {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Bell(const boost::asio::any_io_executor& executor) : timer_(executor) {}

  void ring() {
    rung_ = true;
    timer_.cancel();
  }

  // True: it has been rung since the last wait. False: the time has come.
  boost::asio::awaitable<bool> wait(TimePoint until = TimePoint::max()) {
    if (!rung_) {
      timer_.expires_at(until);
      co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    co_return std::exchange(rung_, false);
  }

 private:
  boost::asio::steady_timer timer_;
  bool rung_ = false;
};

}  // namespace ncps::http
