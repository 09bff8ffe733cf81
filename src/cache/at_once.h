// at_once: the same for many things, some of them at a time.
#pragma once

#include <atomic>
#include <cstddef>

#include "rt/runtime.h"
#include "rt/task_group.h"

namespace ncps::cache {

// Awaits work(i) for each i below `count`, `width` of them at a time, on threads of the runtime.
// `work` must be callable from several threads, and stay until this returns. Each call must end.
template <class Work>
boost::asio::awaitable<void> at_once(Runtime& runtime, std::size_t width, std::size_t count,
                                     Work& work) {
  std::atomic<std::size_t> next = 0;
  auto some = [](std::atomic<std::size_t>& turn, std::size_t end,
                 Work& each) -> boost::asio::awaitable<void> {
    for (auto i = turn++; i < end; i = turn++) co_await each(i);
  };
  TaskGroup group;
  for (std::size_t n = 0; n < std::min(width, count); ++n)
    group.spawn(runtime.next_executor(), "at once", some(next, count, work));
  co_await group.join(Deadline::never());
}

}  // namespace ncps::cache
