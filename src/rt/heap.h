// What the C library keeps of memory that nobody uses: left alone, more and more the longer a server with many
// threads runs, as each arena has pieces in use between pieces that are free. Measured in docs/quality.md.
//
// Source: mallopt(3), malloc_trim(3); glibc's heap alone, others (a sanitizer's) are left as they are.
#pragma once

#include <cstddef>

namespace ncps::heap {

// At most so many arenas from now on: before there are threads. Whoever has set MALLOC_ARENA_MAX or GLIBC_TUNABLES
// has chosen, and nothing is changed.
void use_arenas(std::size_t most);

// Whole pages that nobody uses go back to the system. Takes milliseconds, in which threads that allocate may wait.
void give_back_unused();

}  // namespace ncps::heap
