#include "app/owner.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace ncps::app {
namespace {

std::string how_to_become(uid_t user) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return fmt::format("runuser -u {} -- ncps ...", found->pw_name);
  return fmt::format("setpriv --reuid={} --clear-groups ncps ...", user);
}

// Or of what it would be made in.
Result<void> check_path(const std::filesystem::path& path) {
  struct stat info{};
  if (::geteuid() != 0) return {};
  if (::stat(path.c_str(), &info) != 0)
    return path.has_relative_path() ? check_path(path.parent_path()) : Result<void>();
  if (info.st_uid == 0) return {};
  return fail(
      ErrorKind::unavailable,
      fmt::format("{} belongs to another user, whose server could not read what root leaves "
                  "there: run this as that one, `{}`",
                  path.native(), how_to_become(info.st_uid)));
}

}  // namespace

Result<void> check_owner(const db::DatabaseUrl& database) {
  if (database.kind != db::DatabaseKind::sqlite) return {};
  std::error_code ec;
  auto file = std::filesystem::absolute(database.sqlite_path, ec);
  TRY(check_path(file));
  return check_path(file.parent_path());
}

Result<void> check_owner(const config::ServeOptions& options) {
  if (!options.storage_s3) {
    TRY(check_path(options.storage_local));
  }
  return check_owner(options.database);
}

}  // namespace ncps::app
