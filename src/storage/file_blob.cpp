#include "storage/file_blob.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/check.h"
#include "base/posix_error.h"
#include "rt/open_file_source.h"
#include "storage/stale_handle.h"

namespace ncps::storage {
namespace {

class FileBlob final : public Blob {
 public:
  FileBlob(OpenFile file, KeptOpen kept)
      : file_(std::move(file)),
        size_(static_cast<std::uint64_t>(file_.info.st_size)),
        kept_(kept) {}

  std::uint64_t size() const noexcept override { return size_; }

  // One that takes the place of another is another file, also if that one's number is given out anew: it was
  // renamed later (st_ctim).
  std::string version() const override {
    const auto& info = file_.info;
    return fmt::format("{}-{}-{}-{}.{}-{}.{}", info.st_dev, info.st_ino, size_, info.st_mtim.tv_sec,
                       info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
  }

  std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) override {
    CHECK(first <= size_ && length <= size_ - first);
    return std::make_unique<OpenFileSource>(file_.file,
                                            FileSpan{file_.file->fd.get(), first, length});
  }

  std::weak_ptr<const SharedFile> kept_open() const override {
    if (kept_ == KeptOpen::yes) return file_.file;
    return {};
  }

 private:
  const OpenFile file_;
  const std::uint64_t size_;
  const KeptOpen kept_;
};

}  // namespace

Result<std::optional<OpenFile>> open_file(const std::filesystem::path& path) {
  UniqueFd fd(again_if_stale([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return std::unexpected(posix_error("opening", path.native(), errno));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0)
    return std::unexpected(posix_error("sizing", path.native(), errno));
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::unavailable, path.native() + ": is no file");
  return OpenFile{std::make_shared<SharedFile>(std::move(fd)), info};
}

std::unique_ptr<Blob> make_file_blob(OpenFile file, KeptOpen kept) {
  return std::make_unique<FileBlob>(std::move(file), kept);
}

Result<std::unique_ptr<Blob>> open_file_blob(const std::filesystem::path& path) {
  TRY(auto file, open_file(path));
  if (!file) return nullptr;
  return make_file_blob(*std::move(file));
}

}  // namespace ncps::storage
