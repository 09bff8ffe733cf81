#include "rt/heap.h"

#include <malloc.h>

#include <cstdlib>

namespace ncps::heap {

void use_arenas(std::size_t most) {
  if (std::getenv("MALLOC_ARENA_MAX") != nullptr || std::getenv("GLIBC_TUNABLES") != nullptr)
    return;
  ::mallopt(M_ARENA_MAX, static_cast<int>(most));
}

void give_back_unused() {
  ::malloc_trim(0);
}

}  // namespace ncps::heap
