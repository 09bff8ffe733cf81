// FaultyFileOps: the system's calls, of which one fails when the test says so; and a disk that
// forgets, at a power cut, whatever was not synced.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <mutex>
#include <string>

#include "storage/file_ops.h"

namespace ncps::storage {

class FaultyFileOps final : public FileOps {
 public:
  enum class How : std::uint8_t {
    error,        // the call fails with that errno and does nothing
    short_write,  // half of the bytes are written; of other calls: as error
    power_cut,    // this call and all after it fail: nobody is there any more
    lost_pages,  // of fsync, or of pwrite where it tells late: the file is all zeros; else: as error
  };

  // The n-th call from now on, counted from 1.
  void fail_nth(int n, How how, int error) {
    std::lock_guard lock(mutex_);
    left_ = n;
    how_ = how;
    error_ = error;
    fired_ = dead_ = false;
  }
  // As on a network file system.
  void tell_late() { late_ = true; }
  bool tells_late(int) override { return late_; }
  bool fired() const {
    std::lock_guard lock(mutex_);
    return fired_;
  }
  // It was an fsync of a file, and what had been written is zeros now.
  bool lost_at_sync() const {
    std::lock_guard lock(mutex_);
    return lost_at_sync_;
  }

  // What is on the disk after a power cut now, below `root`, laid out in `image`: of each folder the
  // entries, and of each file the bytes, as they were when they were synced last. What was there
  // before the first call of all is taken for empty.
  void lay_out(const std::filesystem::path& root, const std::filesystem::path& image) const {
    std::lock_guard lock(mutex_);
    auto folder = folders_.find(root.native());
    if (folder == folders_.end()) return;
    for (const auto& [name, entry] : folder->second) {
      auto target = image / name;
      if (entry.is_folder) {
        std::filesystem::create_directory(target);
        lay_out_below(root / name, target);
      } else {
        write_file(target, entry.inode);
      }
    }
  }

  int open(const std::filesystem::path& path, int flags, mode_t mode) override {
    return fails() ? -1 : FileOps::open(path, flags, mode);
  }
  ssize_t pwrite(int fd, const void* bytes, std::size_t count, off_t at) override {
    if (fails()) {
      if (late_) lose(fd);
      if (how_ != How::short_write || count < 2) return -1;
      count /= 2;
    }
    return FileOps::pwrite(fd, bytes, count, at);
  }
  int fsync(int fd) override {
    if (fails()) {
      bool lost = lose(fd);
      std::lock_guard lock(mutex_);
      lost_at_sync_ = lost_at_sync_ || lost;
      return -1;
    }
    remember(fd);  // and spare the real disk
    return 0;
  }
  int fchmod(int fd, mode_t mode) override { return fails() ? -1 : FileOps::fchmod(fd, mode); }
  int rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return fails() ? -1 : FileOps::rename(from, to);
  }
  int link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return fails() ? -1 : FileOps::link(from, to);
  }
  int unlink(const std::filesystem::path& path) override {
    return fails() ? -1 : FileOps::unlink(path);
  }
  int mkdir(const std::filesystem::path& path, mode_t mode) override {
    return fails() ? -1 : FileOps::mkdir(path, mode);
  }

 private:
  struct Entry {
    bool is_folder;
    ino_t inode;
  };
  using Folder = std::map<std::string, Entry>;

  bool fails() {
    std::lock_guard lock(mutex_);
    bool this_one = left_ > 0 && --left_ == 0;
    fired_ = fired_ || this_one;
    if (this_one && how_ == How::power_cut) dead_ = true;
    if (!this_one && !dead_) return false;
    errno = error_;
    return true;
  }

  // What the kernel does with pages that it could not write: it drops them, and says so once.
  bool lose(int fd) {
    struct stat info{};
    if (how_ != How::lost_pages || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return false;
    std::string zeros(static_cast<std::size_t>(info.st_size), '\0');
    FileOps::pwrite(fd, zeros.data(), zeros.size(), 0);
    errno = error_;
    return true;
  }

  void remember(int fd) {
    struct stat info{};
    auto self = "/proc/self/fd/" + std::to_string(fd);
    if (::fstat(fd, &info) != 0) return;
    std::lock_guard lock(mutex_);
    if (!S_ISDIR(info.st_mode)) {
      std::ifstream in(self, std::ios::binary);
      files_[info.st_ino] = std::string(std::istreambuf_iterator<char>(in), {});
      return;
    }
    auto path = std::filesystem::read_symlink(self);
    Folder folder;
    for (const auto& one : std::filesystem::directory_iterator(path)) {
      struct stat its{};
      if (::lstat(one.path().c_str(), &its) == 0)
        folder[one.path().filename()] = {S_ISDIR(its.st_mode), its.st_ino};
    }
    folders_[path.native()] = std::move(folder);
  }

  void lay_out_below(const std::filesystem::path& from, const std::filesystem::path& to) const {
    auto folder = folders_.find(from.native());
    if (folder == folders_.end()) return;  // its entries were never synced
    for (const auto& [name, entry] : folder->second) {
      if (entry.is_folder) {
        std::filesystem::create_directory(to / name);
        lay_out_below(from / name, to / name);
      } else {
        write_file(to / name, entry.inode);
      }
    }
  }
  void write_file(const std::filesystem::path& path, ino_t inode) const {
    auto bytes = files_.find(inode);
    std::ofstream(path, std::ios::binary) << (bytes == files_.end() ? "" : bytes->second);
  }

  mutable std::mutex mutex_;
  int left_ = 0;
  How how_ = How::error;
  int error_ = EIO;
  bool fired_ = false, dead_ = false, lost_at_sync_ = false;
  bool late_ = false;  // set before anybody writes
  std::map<ino_t, std::string> files_;
  std::map<std::string, Folder> folders_;
};

}  // namespace ncps::storage
