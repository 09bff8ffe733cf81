#include "storage/local/list_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/posix_error.h"
#include "storage/stale_handle.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;  // a link to a folder above it must not lead round for ever

bool gone(const std::error_code& ec) {
  return ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory;
}

class Lister {
 public:
  Lister(const fs::path& root, std::string_view after, std::size_t most)
      : root_(root), after_(after), most_(most) {}

  // `prefix` ends in '/'.
  Result<void> walk(const std::string& prefix, int depth) {
    TRY(auto names, names_in(prefix));
    for (const auto& name : names) {
      if (found.size() == most_) return {};
      if (!name.ends_with('/')) {
        TRY(add(name));
      } else if (depth < kDeepest) {
        TRY(walk(name, depth + 1));
      }
    }
    return {};
  }

  std::vector<BlobEntry> found;

 private:
  // Keys in order; those of folders end in '/', so that the order is that of the keys below them.
  Result<std::vector<std::string>> names_in(const std::string& prefix) const {
    std::vector<std::string> names;
    std::error_code ec;
    fs::directory_iterator it(root_ / prefix, ec);
    for (; !ec && it != fs::directory_iterator(); it.increment(ec)) {
      auto name = it->path().filename().native();
      if (!BlobKey::parse(name)) continue;
      std::error_code unknown;  // it went meanwhile: as a file it will be absent
      auto key = prefix + name + (it->is_directory(unknown) ? "/" : "");
      bool has_more = key.ends_with('/') && after_.starts_with(key);
      if (key > after_ || has_more) names.push_back(std::move(key));
    }
    if (ec && !gone(ec))
      return std::unexpected(posix_error("listing", (root_ / prefix).native(), ec.value()));
    std::ranges::sort(names);
    return names;
  }

  Result<void> add(const std::string& name) {
    auto path = root_ / name;
    struct stat info{};
    if (again_if_stale([&] { return ::stat(path.c_str(), &info); }) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return {};
      return std::unexpected(posix_error("sizing", path.native(), errno));
    }
    if (!S_ISREG(info.st_mode)) return {};
    TRY(auto key, BlobKey::parse(name));
    found.push_back({.key = std::move(key),
                     .size = static_cast<std::uint64_t>(info.st_size),
                     .modified = std::chrono::sys_seconds(std::chrono::seconds(info.st_mtime))});
    return {};
  }

  const fs::path& root_;
  const std::string_view after_;
  const std::size_t most_;
};

}  // namespace

Result<std::vector<BlobEntry>> list_files(const fs::path& root, const BlobKey& folder,
                                          std::string_view after, std::size_t most) {
  Lister lister(root, after, most);
  TRY(lister.walk(folder.str() + "/", 0));
  return std::move(lister.found);
}

}  // namespace ncps::storage
