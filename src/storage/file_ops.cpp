#include "storage/file_ops.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace ncps::storage {

namespace fs = std::filesystem;

int FileOps::open(const fs::path& path, int flags, mode_t mode) {
  return ::open(path.c_str(), flags, mode);
}
ssize_t FileOps::pwrite(int fd, const void* bytes, std::size_t count, off_t at) {
  return ::pwrite(fd, bytes, count, at);
}
int FileOps::fsync(int fd) {
  return ::fsync(fd);
}
int FileOps::fchmod(int fd, mode_t mode) {
  return ::fchmod(fd, mode);
}
int FileOps::rename(const fs::path& from, const fs::path& to) {
  return ::rename(from.c_str(), to.c_str());
}
int FileOps::link(const fs::path& from, const fs::path& to) {
  return ::link(from.c_str(), to.c_str());
}
int FileOps::unlink(const fs::path& path) {
  return ::unlink(path.c_str());
}
int FileOps::mkdir(const fs::path& path, mode_t mode) {
  return ::mkdir(path.c_str(), mode);
}

bool FileOps::tells_late(int fd) {
  constexpr std::int64_t kCifs = 0xff534d42;  // linux/magic.h has no name for it
  struct statfs where{};
  if (::fstatfs(fd, &where) != 0) return true;
  switch (static_cast<std::int64_t>(where.f_type)) {
    case NFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case kCifs:
    case FUSE_SUPER_MAGIC: return true;
    default: return false;
  }
}

FileOps& FileOps::real() {
  static FileOps ops;
  return ops;
}

}  // namespace ncps::storage
