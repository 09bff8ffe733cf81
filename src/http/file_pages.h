// Whether bytes of a file are in memory, and how they get there. Plain calls of the kernel.
#pragma once

#include <cstdint>

namespace ncps::http {

// Whether reading there may wait for the disk, as preadv2 with RWF_NOWAIT tells: what it returned,
// and errno. A file system that cannot tell (NFS, many in user space) may. Pure.
bool may_wait_for_disk(std::int64_t got, int error) noexcept;

// What the kernel reads from a disk together (read_ahead_kb, as it comes).
inline constexpr std::uint64_t kReadTogether = 128ull * 1024;

// Whether sending that stretch waits for no disk, as far as some of its pages tell: both ends, and one each 512 KiB.
// What is read together may still be in memory in part, if only that part is asked for again and again.
bool is_resident(int fd, std::uint64_t begin, std::uint64_t size) noexcept;

// Blocks until the stretch is in memory, and has the kernel begin with the `ahead` bytes behind it.
// Returns 0 or errno.
int warm_up(int fd, std::uint64_t begin, std::uint64_t size, std::uint64_t ahead) noexcept;

}  // namespace ncps::http
