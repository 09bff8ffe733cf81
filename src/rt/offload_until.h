// offload_until: runs blocking work on a pool, and stops waiting for it at a deadline.
//
// For work that may hang, such as a file system whose server is away. What is given up runs on by
// itself, if it has begun: so `work` must own all that it uses, and the pool must outlive it. What
// has not begun by then never does. The pool counts it for as long as it stands in its line, or runs.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "rt/deadline.h"
#include "rt/offload.h"
#include "rt/signal.h"

namespace ncps {

// nullopt: given up. What `work` throws comes out of the co_await.
template <class F>
boost::asio::awaitable<std::optional<std::invoke_result_t<F>>> offload_until(Pool& pool,
                                                                             Deadline deadline,
                                                                             F work) {
  using Value = std::invoke_result_t<F>;
  struct Shared {
    explicit Shared(F f) : work(std::move(f)) {}
    F work;
    std::atomic<bool> given_up = false;
    // Written before `done` is notified, read after that.
    std::optional<Value> value;
    std::exception_ptr error;
    Signal done;
  };
  auto shared = std::make_shared<Shared>(std::move(work));
  auto seen = shared->done.version();
  auto run = [shared, &pool] {
    pool.begins();
    if (!shared->given_up) {
      try {
        shared->value.emplace(shared->work());
      } catch (...) {
        shared->error = std::current_exception();
      }
    }
    pool.ends();
    shared->done.notify();
  };
  pool.waits();
  boost::asio::post(pool, std::move(run));
  if (!co_await shared->done.wait_past(seen, deadline)) {
    shared->given_up = true;
    co_return std::nullopt;
  }
  if (shared->error) std::rethrow_exception(shared->error);
  co_return std::move(shared->value);
}

}  // namespace ncps
