// SpoolDir: one process's own folder for files that are being written, below a root that several
// processes, also of several machines, may share.
//
// Source: flock(2), utimensat(2). It holds a file "lock", which is locked and touched now and then
// for as long as the process lives (spool_owner.h). So the spool files of a process that is gone can
// be told from those of one that lives, and are removed: at the next start of anybody, or at a beat
// of anybody else's heart.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "storage/file_ops.h"
#include "storage/spool_file.h"
#include "storage/spool_owner.h"

namespace ncps::storage {

// Thread-safe. Blocking: create() is for the disk pool. A thread of its own beats.
class SpoolDir {
 public:
  // Makes our folder below `root` (created if missing), and removes those of processes that are
  // gone. Errors: unavailable, if root cannot be made or written.
  static Result<std::unique_ptr<SpoolDir>> open(const std::filesystem::path& root,
                                                FileOps& ops = FileOps::real(),
                                                SpoolTimes times = {});
  ~SpoolDir();  // removes our folder

  // What open() would remove, by its path, at most `most`; the silence of other machines is measured
  // by our clock. Changes nothing. Errors: unavailable.
  static Result<std::vector<std::string>> stale(const std::filesystem::path& root, std::size_t most,
                                                SpoolTimes times = {});

  // If our folder is gone, because others took us for dead, it is made again. Errors: unavailable.
  Result<std::unique_ptr<SpoolFile>> create();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  SpoolDir(std::filesystem::path path, UniqueFd lock, FileOps& ops, SpoolTimes times);
  Result<void> make_again();
  void beat();
  void beat_until(const std::stop_token& stop);

  FileOps& ops_;
  const std::filesystem::path path_;
  const SpoolTimes times_;
  Guarded<UniqueFd> lock_;
  std::atomic<std::uint64_t> next_{0};
  std::mutex sleeping_;
  std::condition_variable_any awake_;
  std::jthread heart_;  // last: it uses all of the above
};

}  // namespace ncps::storage
