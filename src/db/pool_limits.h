// How many connections to a database server there may be, and for how long anything may wait for
// it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace ncps::db {

struct PoolLimits {
  std::size_t open = 8;  // connections at once
  std::size_t idle = 8;  // that stay open unused
  std::chrono::milliseconds connecting{3000};
  std::chrono::milliseconds answering{5000};  // a call, from its beginning to its answer
};

// As the options say it: 0 for what was not said. At most 256 open, because each has a thread; no
// more idle than open.
constexpr PoolLimits pool_limits(std::size_t open, std::size_t idle) {
  PoolLimits limits;
  if (open != 0) limits.open = std::min<std::size_t>(open, 256);
  limits.idle = idle == 0 ? limits.open : std::min(idle, limits.open);
  return limits;
}

// Calls that wait for a connection; beyond, they fail at once.
inline constexpr std::size_t kMostWaiting = 4096;

}  // namespace ncps::db
