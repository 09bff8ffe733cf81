// FileOps: the system's calls that write, in one place, so that a test can make each of them fail.
//
// Source: open(2), pwrite(2), fsync(2), rename(2), link(2), unlink(2), mkdir(2), fchmod(2): each
// function is that call, with its errno. Reading does not go through here. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>

namespace ncps::storage {

class FileOps {
 public:
  virtual ~FileOps() = default;

  virtual int open(const std::filesystem::path& path, int flags, mode_t mode);
  virtual ssize_t pwrite(int fd, const void* bytes, std::size_t count, off_t at);
  virtual int fsync(int fd);
  virtual int fchmod(int fd, mode_t mode);
  virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual int link(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual int unlink(const std::filesystem::path& path);
  virtual int mkdir(const std::filesystem::path& path, mode_t mode);

  // Whether a write to that file may be refused for bytes that were written before, and are lost then: on
  // a file system whose server is elsewhere (NFS, SMB, FUSE).
  virtual bool tells_late(int fd);

  // The system's own.
  static FileOps& real();
};

}  // namespace ncps::storage
