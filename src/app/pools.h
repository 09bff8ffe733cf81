// Pools: the threads for what blocks, the same for every subcommand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>

#include "rt/offload.h"

namespace ncps::app {

inline std::size_t cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

struct Pools {
  static constexpr std::size_t kDiskThreads = 8;
  Pool disk{kDiskThreads};
  Pool cpu{cores()};
};

}  // namespace ncps::app
