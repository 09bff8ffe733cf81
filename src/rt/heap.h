// What the C library keeps of memory that nobody uses: left alone, more and more the longer a server with many
// threads runs. Each arena has pieces in use between pieces that are free, and once a large buffer was freed, such
// as the dictionary of a decompressor, later ones lie among the small pieces. Measured in docs/quality.md.
//
// Source: mallopt(3), malloc_trim(3); glibc's heap alone, others (a sanitizer's) are left as they are.
#pragma once

#include <cstddef>

namespace ncps::heap {

// From now on it has at most so many arenas, and what is larger than 1 MiB is the system's own again when it is freed.
// Before there are threads. Whoever has set MALLOC_ARENA_MAX or GLIBC_TUNABLES has chosen, and nothing is changed.
void keep_little(std::size_t arenas);

// Whole pages that nobody uses go back to the system. Takes milliseconds, in which threads that allocate may wait.
void give_back_unused();

}  // namespace ncps::heap
