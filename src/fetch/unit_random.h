// Chance, for the delays that must not be the same everywhere.
#pragma once

#include <random>

namespace ncps::fetch {

// In [0,1). Thread-safe.
inline double unit_random() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace ncps::fetch
