// Files that are still being written: where downloads grow before they are verified.
//
// Source: open(2), fsync(2), rename(2).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "storage/file_ops.h"

namespace ncps::storage {

// One writer; the descriptor may be read by anybody up to size(). Blocking: for the disk pool only.
// Destroying it removes the file, unless it has been moved away; that may block (a large file's blocks are given
// back), so it can be made to happen elsewhere.
class SpoolFile {
 public:
  SpoolFile(UniqueFd fd, std::filesystem::path path, FileOps& ops = FileOps::real())
      : ops_(ops), fd_(std::move(fd)), path_(std::move(path)) {}
  SpoolFile(const SpoolFile&) = delete;
  ~SpoolFile();

  // All of `bytes`, at the end. Errors: unavailable (disk full, I/O error); then part may be
  // written.
  Result<void> append(std::string_view bytes);

  // Bytes and size reach the disk. Errors: unavailable.
  Result<void> sync();

  // What was appended may not be there any more, though nothing shows it while we run: the kernel drops what
  // it could not write back, and says so once. From then on append() and sync() fail. Source: fsync(2), NOTES.
  bool spoiled() const noexcept { return spoiled_.has_value(); }

  // Renames it, within one file system, replacing what is there, and syncs both folders' entries.
  // Errors: unavailable.
  Result<void> move_to(const std::filesystem::path& target);

  // From now on the destructor hands its work to `elsewhere`, which must be callable until then.
  void clean_up_by(std::function<void(std::function<void()>)> elsewhere) {
    elsewhere_ = std::move(elsewhere);
  }

  int fd() const noexcept { return fd_.get(); }
  std::uint64_t size() const noexcept { return size_; }  // bytes appended; the writer's own view
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  FileOps& ops_;
  UniqueFd fd_;
  std::filesystem::path path_;  // empty once moved
  std::uint64_t size_ = 0;
  std::optional<Error> spoiled_;
  std::function<void(std::function<void()>)> elsewhere_;
};

// Makes `folder` and its parents, each entry synced so that it survives a power cut. Errors:
// unavailable.
Result<void> make_durable_folder(const std::filesystem::path& folder,
                                 FileOps& ops = FileOps::real());

// Syncs the entries of a folder. Errors: unavailable.
Result<void> sync_folder(const std::filesystem::path& folder, FileOps& ops = FileOps::real());

}  // namespace ncps::storage
