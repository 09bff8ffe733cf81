// Pools: the threads for what blocks, the same for every subcommand.
#pragma once

#include <algorithm>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>

#include "rt/deadline.h"
#include "rt/offload.h"

namespace ncps::app {

inline std::size_t cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

// Whether every thread of the pool is free at some moment before the deadline. False: some hang, and
// whatever they use must not be destroyed. Blocks; not from a thread of the pool.
inline bool all_answer(Pool& pool, std::size_t threads, Deadline deadline) {
  struct Meeting {
    std::mutex mutex;
    std::condition_variable all_here;
    std::size_t missing;
  };
  auto meeting = std::make_shared<Meeting>();
  meeting->missing = threads;
  auto come = [meeting] {
    std::unique_lock lock(meeting->mutex);
    --meeting->missing;
    meeting->all_here.notify_all();
    meeting->all_here.wait(lock, [&] { return meeting->missing == 0; });
  };
  for (std::size_t i = 0; i < threads; ++i) boost::asio::post(pool, come);
  std::unique_lock lock(meeting->mutex);
  return meeting->all_here.wait_until(lock, deadline.at(), [&] { return meeting->missing == 0; });
}

// What `nars` does for one NAR may take minutes, in turns: a little compressed input may be a lot of zeros. What clients
// wait for in every case is on `cpu`, where nothing does.
struct Pools {
  static constexpr std::size_t kDiskThreads = 8;
  Pool disk{kDiskThreads};
  Pool cpu{cores()};   // narinfos, signatures, small bodies
  Pool nars{cores()};  // the bytes of NARs, logs and listings
};

}  // namespace ncps::app
