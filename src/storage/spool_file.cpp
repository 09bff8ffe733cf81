#include "storage/spool_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <random>

#include "base/posix_error.h"
#include "telemetry/log.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLockName = "lock";

Result<UniqueFd> open_locked(const fs::path& path, int how) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return std::unexpected(posix_write_error("opening", path.native(), errno));
  while (::flock(fd.get(), how) != 0) {
    if (errno == EINTR) continue;
    return std::unexpected(posix_write_error("locking", path.native(), errno));
  }
  return fd;
}

bool same_file(int fd, const fs::path& path) {
  struct stat ours{}, named{};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
         ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

// The lock of the root, held while stale folders are looked for. Its file goes when it is done
// with, so whoever waited for it may hold the lock of a file that is gone, and takes the next.
class RootLock {
 public:
  static Result<RootLock> take(const fs::path& root) {
    auto path = root / kLockName;
    for (;;) {
      TRY(auto fd, open_locked(path, LOCK_EX));
      if (same_file(fd.get(), path)) return RootLock(std::move(fd), path);
    }
  }
  RootLock(RootLock&&) = default;
  ~RootLock() {
    std::error_code ignored;
    if (fd_) fs::remove(path_, ignored);
  }

 private:
  RootLock(UniqueFd fd, fs::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  fs::path path_;
};

// A folder whose lock nobody holds belonged to a process that is gone.
void remove_stale_folders(const fs::path& root) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(root, ec)) {
    std::error_code ignored;
    if (!entry.is_directory(ignored)) {
      // The Go program and its forks left single files here; a living one of ours makes folders
      // only.
      if (entry.path().filename() != kLockName) fs::remove(entry.path(), ignored);
      continue;
    }
    auto lock = open_locked(entry.path() / kLockName, LOCK_EX | LOCK_NB);
    if (!lock) continue;
    auto removed = fs::remove_all(entry.path(), ignored);
    log::info("removed what a process that is gone had left",
              {{"folder", entry.path().native()}, {"files", removed}});
  }
}

std::string unique_name() {
  std::random_device random;
  auto word = (static_cast<std::uint64_t>(random()) << 32) | random();
  return std::to_string(::getpid()) + "-" + std::to_string(word);
}

}  // namespace

SpoolFile::~SpoolFile() {
  auto clean_up = [&ops = ops_, fd = std::make_shared<UniqueFd>(std::move(fd_)),
                   path = std::move(path_)] {
    if (!path.empty()) ops.unlink(path);  // else the next start does it
    fd->reset();
  };
  if (elsewhere_) {
    elsewhere_(std::move(clean_up));
  } else {
    clean_up();
  }
}

Result<void> SpoolFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ops_.pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(posix_write_error("writing", path_.native(), errno));
    }
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> SpoolFile::sync() {
  if (ops_.fsync(fd_.get()) != 0)
    return std::unexpected(posix_write_error("syncing", path_.native(), errno));
  return {};
}

Result<void> SpoolFile::move_to(const fs::path& target) {
  if (ops_.rename(path_, target) != 0) {
    return std::unexpected(posix_write_error("publishing", target.native(), errno));
  }
  path_.clear();
  return sync_folder(target.parent_path(), ops_);
}

Result<void> sync_folder(const fs::path& folder, FileOps& ops) {
  UniqueFd fd(ops.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!fd || ops.fsync(fd.get()) != 0) {
    return std::unexpected(posix_write_error("syncing", folder.native(), errno));
  }
  return {};
}

Result<void> make_durable_folder(const fs::path& folder, FileOps& ops) {
  struct stat there{};
  if (::stat(folder.c_str(), &there) == 0) {
    if (S_ISDIR(there.st_mode)) return {};
    return fail(ErrorKind::unavailable, folder.native() + ": is there, but is no directory");
  }
  auto parent = folder.parent_path();
  if (!parent.empty() && parent != folder) TRY(make_durable_folder(parent, ops));
  if (ops.mkdir(folder, 0755) != 0 && errno != EEXIST) {
    return std::unexpected(posix_write_error("creating", folder.native(), errno));
  }
  return sync_folder(parent.empty() ? fs::path(".") : parent, ops);
}

Result<std::unique_ptr<SpoolDir>> SpoolDir::open(const fs::path& root, FileOps& ops) {
  TRY(make_durable_folder(root, ops));
  // While we hold the root's lock nobody else looks for stale folders, so nobody takes ours for one
  // between its making and its locking.
  TRY(auto root_lock, RootLock::take(root));
  remove_stale_folders(root);
  auto path = root / unique_name();
  if (ops.mkdir(path, 0700) != 0) {
    return std::unexpected(posix_write_error("creating", path.native(), errno));
  }
  TRY(auto lock, open_locked(path / kLockName, LOCK_EX | LOCK_NB));
  return std::unique_ptr<SpoolDir>(new SpoolDir(std::move(path), std::move(lock), ops));
}

Result<std::vector<std::string>> SpoolDir::stale(const fs::path& root, std::size_t most) {
  std::vector<std::string> found;
  std::error_code ec;
  fs::directory_iterator it(root, ec);
  for (; !ec && it != fs::directory_iterator() && found.size() < most; it.increment(ec)) {
    std::error_code ignored;
    if (it->path().filename() == kLockName) continue;
    if (it->is_directory(ignored)) {
      // Without a lock it is being made just now.
      UniqueFd lock(::open((it->path() / kLockName).c_str(), O_RDONLY | O_CLOEXEC));
      if (!lock || ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) continue;
    }
    found.push_back(it->path().native());
  }
  if (ec && ec != std::errc::no_such_file_or_directory)
    return std::unexpected(posix_error("listing", root.native(), ec.value()));
  return found;
}

SpoolDir::~SpoolDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Result<std::unique_ptr<SpoolFile>> SpoolDir::create() {
  auto path = path_ / std::to_string(next_.fetch_add(1));
  UniqueFd fd(ops_.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return std::unexpected(posix_write_error("creating", path.native(), errno));
  return std::make_unique<SpoolFile>(std::move(fd), std::move(path), ops_);
}

}  // namespace ncps::storage
