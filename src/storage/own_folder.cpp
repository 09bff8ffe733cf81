#include "storage/own_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/posix_error.h"
#include "base/unique_fd.h"
#include "telemetry/log.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refused(const fs::path& path, const std::string& why) {
  return fail(ErrorKind::unavailable, path.native() + " " + why);
}

Result<void> check_ours(const fs::path& folder, const struct stat& info) {
  if (!S_ISDIR(info.st_mode)) return refused(folder, "is a link, or no folder: remove it");
  if (info.st_uid == ::geteuid()) return {};
  return refused(folder, "belongs to user " + std::to_string(info.st_uid) + ", and we are user " +
                             std::to_string(::geteuid()) + ": remove it, or give it to us");
}

// Not by its name, which may lead to something else by now.
Result<void> close_to_others(const fs::path& folder) {
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return std::unexpected(posix_write_error("opening", folder.native(), errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return std::unexpected(posix_write_error("looking at", folder.native(), errno));
  TRY(check_ours(folder, info));
  if (::fchmod(fd.get(), 0700) == 0) return {};
  return std::unexpected(posix_write_error("taking from others", folder.native(), errno));
}

Result<void> remove_what_others_left(const fs::path& folder) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    struct stat info{};
    if (::lstat(it->path().c_str(), &info) != 0) continue;  // a process of ours has removed it
    if (info.st_uid == ::geteuid() && !S_ISLNK(info.st_mode)) continue;
    std::error_code stays;
    fs::remove_all(it->path(), stays);
    if (stays)
      return refused(it->path(), "is somebody else's, and cannot be removed: " + stays.message());
  }
  if (ec) return refused(folder, "cannot be listed: " + ec.message());
  return {};
}

}  // namespace

Result<FolderWas> make_own_folder(const fs::path& folder) {
  std::error_code ec;
  fs::create_directories(folder.parent_path(), ec);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(posix_write_error("making", folder.native(), errno));
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0)
    return std::unexpected(posix_write_error("looking at", folder.native(), errno));
  TRY(check_ours(folder, info));
  if ((info.st_mode & 022) == 0) return FolderWas::ours_alone;
  TRY(close_to_others(folder));
  TRY(remove_what_others_left(folder));
  log::warn("a folder of ours was open to others, and is ours alone now",
            {{"folder", folder.native()}});
  return FolderWas::open_to_others;
}

}  // namespace ncps::storage
