#include "storage/file_ops.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

FileOps& FileOps::real() {
  static FileOps ops;
  return ops;
}

}  // namespace ncps::storage
