#include "storage/local/open_files.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace ncps::storage {
namespace {

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// ctime changes with the name, too: rename(2) on all these file systems.
bool unchanged(const OpenFile& file) {
  struct stat now{};
  if (::fstat(file.file->fd.get(), &now) != 0 || now.st_nlink == 0) return false;
  return now.st_size == file.info.st_size && same_time(now.st_mtim, file.info.st_mtim) &&
         same_time(now.st_ctim, file.info.st_ctim);
}

}  // namespace

bool is_of_this_machine(std::int64_t file_system_type) noexcept {
  // Those that linux/magic.h has no name for.
  constexpr std::int64_t kZfs = 0x2fc12fc1, kBcachefs = 0xca451a4e;
  switch (file_system_type) {
    case EXT4_SUPER_MAGIC:  // and ext2, ext3
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case kZfs:
    case kBcachefs: return true;
    default: return false;
  }
}

void OpenFiles::State::erase(std::string_view key) {
  auto it = by_key.find(key);
  if (it == by_key.end()) return;
  auto file = it->second;
  by_key.erase(it);  // before the key that it is a view of
  file->file.file->retired = true;
  files.erase(file);
}

std::optional<OpenFile> OpenFiles::find(std::string_view key, Clock::time_point now) {
  auto file = state_.with([&](State& s) -> std::optional<OpenFile> {
    auto it = s.by_key.find(key);
    if (it == s.by_key.end() || now >= it->second->until) return std::nullopt;
    return it->second->file;
  });
  if (!file || unchanged(*file)) return file;
  forget(key);
  return std::nullopt;
}

void OpenFiles::keep(std::string_view key, const OpenFile& file, Clock::time_point now) {
  if (static_cast<std::uint64_t>(file.info.st_size) > kLargest) return;
  struct statfs where{};
  if (::fstatfs(file.file->fd.get(), &where) != 0 || !is_of_this_machine(where.f_type)) return;
  state_.with([&](State& s) {
    s.erase(key);
    s.files.push_front({std::string(key), file, now + kTime});
    s.by_key.emplace(s.files.front().key, s.files.begin());
    while (s.files.size() > kMost || s.files.back().until <= now) s.erase(s.files.back().key);
  });
}

void OpenFiles::forget(std::string_view key) {
  state_.with([&](State& s) { s.erase(key); });
}

}  // namespace ncps::storage
