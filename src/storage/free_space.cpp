#include "storage/free_space.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "base/posix_error.h"

namespace ncps::storage {

Result<FreeSpace> free_space(const std::filesystem::path& path) {
  struct statvfs about{};
  while (::statvfs(path.c_str(), &about) != 0) {
    if (errno == EINTR) continue;
    return std::unexpected(posix_write_error("asking for free space", path.native(), errno));
  }
  return FreeSpace{.free = static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize,
                   .capacity = static_cast<std::uint64_t>(about.f_blocks) * about.f_frsize};
}

}  // namespace ncps::storage
