#include "storage/spool_dir.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/posix_error.h"
#include "telemetry/log.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;
using Times = std::chrono::sys_seconds;

constexpr std::string_view kLockName = "lock";

enum class How : bool { wait, at_once };

// nullopt: somebody else has it locked. Where the file system knows no locks the file is open all
// the same: heartbeats tell, then.
Result<std::optional<UniqueFd>> try_lock(const fs::path& path, How how) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return std::unexpected(posix_write_error("opening", path.native(), errno));
  while (::flock(fd.get(), LOCK_EX | (how == How::at_once ? LOCK_NB : 0)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return std::nullopt;
    if (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS) break;
    return std::unexpected(posix_write_error("locking", path.native(), errno));
  }
  return fd;
}

// Of a folder's lock, without making it or keeping it. No lock yet: it is being made just now.
LockState lock_state(const fs::path& folder) {
  UniqueFd fd(::open((folder / kLockName).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? LockState::free : LockState::unknown;
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return LockState::free;
  return errno == EWOULDBLOCK ? LockState::held : LockState::unknown;
}

bool same_file(int fd, const fs::path& path) {
  struct stat ours{}, named{};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
         ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

// The lock of the root for processes of this machine, held while stale folders are looked for:
// nobody takes a folder for stale between its making and its locking. Those of other machines are
// safe by their age. Its file goes when it is done with, so whoever waited for it may hold the lock
// of a file that is gone, and takes the next.
class RootLock {
 public:
  // nullopt: somebody else has it.
  static Result<std::optional<RootLock>> take(const fs::path& root, How how) {
    auto path = root / (std::string(kLockName) + "-" + this_machine());
    for (;;) {
      TRY(auto fd, try_lock(path, how));
      if (!fd) return std::nullopt;
      if (same_file(fd->get(), path)) return RootLock(std::move(*fd), path);
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

std::optional<Times> modified(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Times(std::chrono::seconds(info.st_mtime));
}

// When something happened last in a folder. nullopt: could not find out.
std::optional<Times> last_sign(const fs::path& folder) {
  auto newest = modified(folder);
  if (!newest) return std::nullopt;
  std::error_code ec;
  fs::directory_iterator it(folder, ec);
  for (; !ec && it != fs::directory_iterator(); it.increment(ec))
    newest = std::max(*newest, modified(it->path()).value_or(*newest));
  return ec ? std::nullopt : newest;
}

// What cannot be found out is not taken for dead.
bool left_behind(const fs::path& folder, Times now, SpoolTimes times) {
  bool ours = is_of_this_machine(folder.filename().native());
  std::chrono::seconds quiet{0};
  if (!ours) {
    auto sign = last_sign(folder);
    if (!sign) return false;
    quiet = now - *sign;
    if (quiet < times.silence) return false;  // and its lock is not touched: it may be taking it
  }
  auto lock = lock_state(folder);
  if (ours && lock == LockState::unknown) {
    auto sign = last_sign(folder);
    if (!sign) return false;
    quiet = now - *sign;
  }
  return is_left_behind(ours, lock, quiet, times.silence);
}

bool is_lock_name(const fs::path& name) {
  return name.native().starts_with(kLockName);
}

void remove_stale_folders(const fs::path& root, Times now, SpoolTimes times) {
  std::error_code ec;
  fs::directory_iterator it(root, ec);
  for (; !ec && it != fs::directory_iterator(); it.increment(ec)) {
    std::error_code ignored;
    if (!it->is_directory(ignored)) continue;
    if (!left_behind(it->path(), now, times)) continue;
    auto removed = fs::remove_all(it->path(), ignored);
    if (removed == 0) continue;  // it went by itself meanwhile
    log::info("removed what a process that is gone had left",
              {{"folder", it->path().native()}, {"files", removed}});
  }
}

// The Go program and its forks left single files here; we make folders only, and locks.
void remove_single_files(const fs::path& root, Times now, SpoolTimes times) {
  std::error_code ec;
  fs::directory_iterator it(root, ec);
  for (; !ec && it != fs::directory_iterator(); it.increment(ec)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) continue;
    auto sign = modified(it->path());
    bool lock = is_lock_name(it->path().filename());
    if (lock && (!sign || now - *sign < times.silence)) continue;
    fs::remove(it->path(), ignored);
  }
}

// By the clock of the file system: when our lock was touched, just now.
Result<Times> touch(const fs::path& lock) {
  if (::utimensat(AT_FDCWD, lock.c_str(), nullptr, 0) != 0)
    return std::unexpected(posix_error("touching", lock.native(), errno));
  auto now = modified(lock);
  if (!now) return std::unexpected(posix_error("looking at", lock.native(), errno));
  return *now;
}

Result<UniqueFd> make_folder(const fs::path& path, FileOps& ops) {
  if (ops.mkdir(path, 0700) != 0 && errno != EEXIST)
    return std::unexpected(posix_write_error("creating", path.native(), errno));
  TRY(auto lock, try_lock(path / kLockName, How::at_once));
  if (lock) return std::move(*lock);
  return fail(ErrorKind::unavailable, path.native() + ": somebody else has it locked");
}

}  // namespace

Result<std::unique_ptr<SpoolDir>> SpoolDir::open(const fs::path& root, FileOps& ops,
                                                 SpoolTimes times) {
  TRY(make_durable_folder(root, ops));
  TRY(auto root_lock, RootLock::take(root, How::wait));
  auto path = root / spool_folder_name();
  TRY(auto lock, make_folder(path, ops));
  std::unique_ptr<SpoolDir> dir(new SpoolDir(path, std::move(lock), ops, times));
  if (auto now = touch(path / kLockName)) {
    remove_stale_folders(root, *now, times);
    remove_single_files(root, *now, times);
  }
  return dir;
}

Result<std::vector<std::string>> SpoolDir::stale(const fs::path& root, std::size_t most,
                                                 SpoolTimes times) {
  std::vector<std::string> found;
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::error_code ec;
  fs::directory_iterator it(root, ec);
  for (; !ec && it != fs::directory_iterator() && found.size() < most; it.increment(ec)) {
    std::error_code ignored;
    if (it->is_directory(ignored)) {
      // Without a lock it is being made just now.
      if (!fs::exists(it->path() / kLockName, ignored)) continue;
      if (!left_behind(it->path(), now, times)) continue;
    } else if (is_lock_name(it->path().filename())) {
      continue;
    }
    found.push_back(it->path().native());
  }
  if (ec && ec != std::errc::no_such_file_or_directory)
    return std::unexpected(posix_error("listing", root.native(), ec.value()));
  return found;
}

SpoolDir::SpoolDir(fs::path path, UniqueFd lock, FileOps& ops, SpoolTimes times)
    : ops_(ops),
      path_(std::move(path)),
      times_(times),
      lock_(std::move(lock)),
      heart_([this](const std::stop_token& stop) { beat_until(stop); }) {}

SpoolDir::~SpoolDir() {
  heart_.request_stop();
  heart_.join();
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void SpoolDir::beat_until(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "spool heart");
  std::unique_lock lock(sleeping_);
  while (!stop.stop_requested()) {
    awake_.wait_for(lock, stop, times_.beat, [] { return false; });
    if (!stop.stop_requested()) beat();
  }
}

void SpoolDir::beat() {
  auto root = path_.parent_path();
  auto now = touch(path_ / kLockName);
  if (!now && now.error().kind() == ErrorKind::not_found) {
    log::warn("our spool folder is gone: others took us for dead, or the store was exchanged",
              {{"folder", path_.native()}});
    auto made = make_again();
    now = made ? touch(path_ / kLockName) : std::unexpected(made.error());
  }
  if (!now) {
    log::warn("the spool folder cannot be touched", {{"error", now.error().what()}});
    return;
  }
  auto root_lock = RootLock::take(root, How::at_once);
  if (root_lock && *root_lock) remove_stale_folders(root, *now, times_);
}

Result<void> SpoolDir::make_again() {
  return lock_.with([&](UniqueFd& lock) -> Result<void> {
    if (same_file(lock.get(), path_ / kLockName)) return {};  // somebody else of us was quicker
    TRY(auto root_lock, RootLock::take(path_.parent_path(), How::wait));
    TRY(lock, make_folder(path_, ops_));
    return {};
  });
}

Result<std::unique_ptr<SpoolFile>> SpoolDir::create() {
  auto path = path_ / std::to_string(next_.fetch_add(1));
  auto open = [&] {
    return UniqueFd(ops_.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  };
  auto fd = open();
  if (!fd && (errno == ENOENT || errno == ESTALE)) {
    TRY(make_again());
    fd = open();
  }
  if (!fd) return std::unexpected(posix_write_error("creating", path.native(), errno));
  return std::make_unique<SpoolFile>(std::move(fd), std::move(path), ops_);
}

}  // namespace ncps::storage
