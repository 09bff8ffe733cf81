// offload: runs blocking work on a pool while the calling coroutine sleeps on its own thread.
//
//   auto work = [&] { return read_file(path); };       // named first: docs/coroutines.md, trap 2
//   auto text = co_await offload(disk, std::move(work));
//
// Only `work` leaves the thread, never the coroutine. What `work` throws comes out of the co_await.
// Once begun, `work` runs to its end, so it may refer to the coroutine's locals; its current span is
// the coroutine's. The pool must be joined before the io_context of the coroutine is destroyed.
#pragma once

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "rt/deadline.h"
#include "telemetry/current_span.h"

namespace ncps {

// Threads for what blocks.
class Pool : public boost::asio::thread_pool {
 public:
  explicit Pool(std::size_t threads) : boost::asio::thread_pool(threads), threads_(threads) {}

  std::size_t threads() const noexcept { return threads_; }
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }  // work
  std::size_t running() const noexcept { return running_.load(std::memory_order_relaxed); }

 private:
  template <class F>
  friend boost::asio::awaitable<std::invoke_result_t<F>> offload(Pool& pool, F work);
  template <class F>
  friend boost::asio::awaitable<std::optional<std::invoke_result_t<F>>> offload_until(
      Pool& pool, Deadline deadline, F work);

  // Of one piece of work: it waits, then runs, then has ended.
  void waits() noexcept { waiting_.fetch_add(1, std::memory_order_relaxed); }
  void begins() noexcept {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    running_.fetch_add(1, std::memory_order_relaxed);
  }
  void ends() noexcept { running_.fetch_sub(1, std::memory_order_relaxed); }

  const std::size_t threads_;
  std::atomic<std::size_t> waiting_ = 0, running_ = 0;
};

template <class F>
boost::asio::awaitable<std::invoke_result_t<F>> offload(Pool& pool, F work) {
  namespace asio = boost::asio;
  using Value = std::invoke_result_t<F>;
  std::optional<Value> value;
  std::exception_ptr error;

  auto start = [&pool, &work, &value, &error](auto handler) {
    auto home = asio::prefer(asio::get_associated_executor(handler),
                             asio::execution::outstanding_work.tracked);
    pool.waits();
    auto* slot = trace::current_slot();  // the coroutine's, who sleeps meanwhile
    asio::post(pool,
               [home, slot, &pool, &work, &value, &error, handler = std::move(handler)]() mutable {
                 pool.begins();
                 try {
                   trace::Enter enter(slot);
                   value.emplace(work());
                 } catch (...) {
                   error = std::current_exception();
                 }
                 pool.ends();
                 asio::post(home, std::move(handler));
               });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start),
                                                                       asio::use_awaitable);
  if (error) std::rethrow_exception(error);
  co_return std::move(*value);
}

}  // namespace ncps
