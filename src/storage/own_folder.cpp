#include "storage/own_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/posix_error.h"

namespace ncps::storage {

Result<void> make_own_folder(const std::filesystem::path& folder) {
  std::error_code ec;
  std::filesystem::create_directories(folder.parent_path(), ec);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(posix_write_error("making", folder.native(), errno));
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0)
    return std::unexpected(posix_error("looking at", folder.native(), errno));
  bool ours = S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 022) == 0;
  if (ours) return {};
  return fail(ErrorKind::unavailable,
              folder.native() + " is not a folder of this user's where nobody else may write");
}

}  // namespace ncps::storage
