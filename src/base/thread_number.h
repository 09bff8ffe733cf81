// A number of the present thread: 0 for the first one that asks, 1 for the next one, and so on.
//
// For what each thread keeps apart so that threads do not meet: number % places.
#pragma once

#include <atomic>
#include <cstddef>

namespace ncps {

inline std::size_t thread_number() noexcept {
  static std::atomic<std::size_t> next = 0;
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace ncps
