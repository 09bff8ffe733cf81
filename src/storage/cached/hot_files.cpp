#include "storage/cached/hot_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/posix_error.h"
#include "storage/file_blob.h"
#include "storage/own_folder.h"
#include "storage/spool_dir.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpool = "tmp";
constexpr char kInsteadOfSlash = ',';  // no key has it
constexpr auto kNotedAgain = std::chrono::minutes(10);

std::string file_name(std::string key) {
  std::ranges::replace(key, '/', kInsteadOfSlash);
  return key;
}

// Empty: it is none of ours.
std::string key_of(std::string name) {
  std::ranges::replace(name, kInsteadOfSlash, '/');
  return BlobKey::parse(name) ? name : std::string();
}

// So that the next process knows what was used last.
void note_use(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return;
  auto ago = std::chrono::system_clock::now() -
             std::chrono::system_clock::from_time_t(info.st_mtim.tv_sec);
  if (ago > kNotedAgain) ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

Result<void> remove_all_in(const fs::path& folder) {
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    fs::remove_all(it->path(), ec);
    if (ec) break;
  }
  if (ec) return fail(ErrorKind::unavailable, "emptying " + folder.native() + ": " + ec.message());
  return {};
}

}  // namespace

Result<std::unique_ptr<HotFiles>> HotFiles::open(const fs::path& folder) {
  TRY(auto was, make_own_folder(folder));
  // One copy may bear the name of another.
  if (was == FolderWas::open_to_others) TRY(remove_all_in(folder));
  TRY(auto spool_dir, SpoolDir::open(folder / kSpool));
  return std::unique_ptr<HotFiles>(new HotFiles(folder, std::move(spool_dir)));
}

Result<std::vector<HotFiles::Found>> HotFiles::found() const {
  struct Entry {
    fs::file_time_type used;
    Found file;
  };
  std::vector<Entry> entries;
  std::error_code ec;
  for (fs::directory_iterator it(folder_, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code gone;  // another process may have removed it
    auto key = key_of(it->path().filename().native());
    if (key.empty() || !it->is_regular_file(gone)) continue;
    auto size = it->file_size(gone);
    auto used = gone ? fs::file_time_type() : it->last_write_time(gone);
    if (!gone) entries.push_back({used, {std::move(key), size}});
  }
  if (ec) return fail(ErrorKind::unavailable, "listing " + folder_.native() + ": " + ec.message());
  std::ranges::sort(entries, {}, &Entry::used);
  std::vector<Found> out;
  out.reserve(entries.size());
  for (auto& entry : entries) out.push_back(std::move(entry.file));
  return out;
}

Result<std::unique_ptr<Blob>> HotFiles::read(const std::string& key, std::uint64_t size) const {
  auto path = path_of(key);
  TRY(auto blob, open_file_blob(path));
  if (!blob || blob->size() != size) return nullptr;
  note_use(path);
  return blob;
}

Result<std::unique_ptr<SpoolFile>> HotFiles::create() {
  return spool_dir_->create();
}

Result<void> HotFiles::publish(SpoolFile& file, const std::string& key) const {
  if (::fchmod(file.fd(), 0400) != 0)
    return std::unexpected(posix_write_error("chmod", file.path().native(), errno));
  TRY(file.sync());
  return file.move_to(path_of(key));
}

void HotFiles::remove(const std::string& key) const {
  ::unlink(path_of(key).c_str());
}

fs::path HotFiles::path_of(const std::string& key) const {
  return folder_ / file_name(key);
}

}  // namespace ncps::storage
