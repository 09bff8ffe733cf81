// block_on: waits for a Task from a thread that runs no coroutines (main, at start).
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include "rt/runtime.h"
#include "rt/task.h"

namespace ncps {

template <class T>
Result<T> block_on(Runtime& runtime, Task<T> task) {
  // A future wants a value that can be made from nothing: a Result cannot, an optional can.
  auto boxed = [](Task<T> inner) -> boost::asio::awaitable<std::optional<Result<T>>> {
    co_return co_await std::move(inner);
  };
  auto done = boost::asio::co_spawn(runtime.next_executor(), boxed(std::move(task)),
                                    boost::asio::use_future);
  return std::move(*done.get());
}

}  // namespace ncps
