// How much room a file system has. Source: statvfs(3).
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace ncps::storage {

struct FreeSpace {
  std::uint64_t free;      // bytes that we may still write
  std::uint64_t capacity;  // bytes of the whole file system
};

// Of the file system that holds `path`. Blocking: for the disk pool. Errors: unavailable.
Result<FreeSpace> free_space(const std::filesystem::path& path);

}  // namespace ncps::storage
