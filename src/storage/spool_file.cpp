#include "storage/spool_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/posix_error.h"

namespace ncps::storage {
namespace fs = std::filesystem;

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
  if (spoiled_) return std::unexpected(*spoiled_);
  while (!bytes.empty()) {
    auto n = ops_.pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0) {
      if (errno == EINTR) continue;
      auto error = posix_write_error("writing", path_.native(), errno);
      if (ops_.tells_late(fd_.get())) spoiled_ = error;
      return std::unexpected(std::move(error));
    }
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> SpoolFile::sync() {
  if (spoiled_) return std::unexpected(*spoiled_);
  if (ops_.fsync(fd_.get()) == 0) return {};
  spoiled_ = posix_write_error("syncing", path_.native(), errno);
  return std::unexpected(*spoiled_);
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

}  // namespace ncps::storage
