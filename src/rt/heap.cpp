#include "rt/heap.h"

#include <malloc.h>

#include <cstdlib>

namespace ncps::heap {

void keep_little(std::size_t arenas) {
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr || std::getenv("GLIBC_TUNABLES") != nullptr)
    return;
  ::mallopt(M_ARENA_MAX, static_cast<int>(arenas));
  // Said once, it stays: else it grows with what was freed.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 2 << 20);
}

void give_back_unused() {
  ::malloc_trim(0);
}

}  // namespace ncps::heap
