// When something must go, and how much. Pure.
//
// A round of eviction frees more than it must (hysteresis), so that the next commits need none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "storage/free_space.h"

namespace ncps::cache {

// What a file system must keep free: bytes, or a part of it.
struct MinFree {
  std::uint64_t bytes = 0;
  unsigned percent = 0;  // at most 100

  bool any() const noexcept { return bytes != 0 || percent != 0; }
  // No more than there is: a file system that is to be wholly free is empty at best.
  std::uint64_t of(std::uint64_t capacity) const noexcept {
    return std::min(capacity, std::max(bytes, capacity / 100 * percent));
  }
};

struct SpaceLimits {
  std::uint64_t max_size = 0;  // bytes; 0: no limit
  MinFree min_free;            // of the store's file system
  bool any() const noexcept { return max_size != 0 || min_free.any(); }
};

struct SpaceUse {
  std::uint64_t kept = 0;    // bytes: at rest, and being published
  std::uint64_t wanted = 0;  // bytes that wait until they may be published
  // Bytes for which the disk was too full. They are not written yet, unlike those above.
  std::uint64_t disk_wanted = 0;
  std::optional<storage::FreeSpace> disk;  // absent: there is none to watch
};

enum class Why : std::uint8_t {
  needed,     // somebody waits, or it is looked after
  scheduled,  // the hour has come: make the room that will be needed, ahead
};

// A round by the limit goes down to this.
inline std::uint64_t low_water(std::uint64_t max_size) noexcept {
  return max_size - max_size / 20;
}

// Whether `bytes` that lie in the store's file system already may be published.
inline bool fits(const SpaceLimits& limits, const SpaceUse& use, std::uint64_t bytes) noexcept {
  if (limits.max_size != 0 && (use.kept > limits.max_size || bytes > limits.max_size - use.kept))
    return false;
  return !limits.min_free.any() || !use.disk ||
         use.disk->free >= limits.min_free.of(use.disk->capacity);
}

// Bytes that a round has to free; 0: none is needed.
inline std::uint64_t to_free(const SpaceLimits& limits, const SpaceUse& use, Why why) noexcept {
  constexpr std::uint64_t kMargin = 1ULL << 30;  // at most, on large file systems
  std::uint64_t most = 0;
  if (limits.max_size != 0) {
    auto low = low_water(limits.max_size);
    auto all = use.kept + use.wanted;
    auto begins = why == Why::scheduled ? low : limits.max_size;
    auto target = use.wanted <= low ? low : std::max(limits.max_size, use.wanted);
    if (all > begins && all > target) most = all - target;
  }
  if (use.disk) {
    auto floor = limits.min_free.any() ? limits.min_free.of(use.disk->capacity) : 0;
    auto free = use.disk->free;
    if (free < floor)
      most = std::max(most, floor - free + std::min(use.disk->capacity / 100, kMargin));
    if (use.disk_wanted != 0 && free < floor + use.disk_wanted)
      most = std::max(most,
                      floor + use.disk_wanted - free + std::min(use.disk->capacity / 100, kMargin));
  }
  return std::min(most, use.kept);
}

}  // namespace ncps::cache
