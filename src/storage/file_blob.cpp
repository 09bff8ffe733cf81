#include "storage/file_blob.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/check.h"
#include "base/posix_error.h"
#include "rt/sure_source.h"
#include "storage/stale_handle.h"

namespace ncps::storage {
namespace {

class FileSource final : public SureSource {
 public:
  FileSource(std::shared_ptr<const UniqueFd> fd, std::uint64_t first, std::uint64_t length)
      : fd_(std::move(fd)), first_(first), length_(length) {}

  Task<Piece> next() override {
    if (length_ == 0) co_return Piece(std::string_view());
    FileSpan all{fd_->get(), first_, length_};
    length_ = 0;
    co_return Piece(all);
  }

 private:
  std::shared_ptr<const UniqueFd> fd_;
  std::uint64_t first_, length_;
};

class FileBlob final : public Blob {
 public:
  FileBlob(std::shared_ptr<const UniqueFd> fd, std::uint64_t size)
      : fd_(std::move(fd)), size_(size) {}

  std::uint64_t size() const noexcept override { return size_; }

  std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) override {
    CHECK(first <= size_ && length <= size_ - first);
    return std::make_unique<FileSource>(fd_, first, length);
  }

 private:
  std::shared_ptr<const UniqueFd> fd_;
  std::uint64_t size_;
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
  return OpenFile{std::make_shared<const UniqueFd>(std::move(fd)), info};
}

std::unique_ptr<Blob> make_file_blob(OpenFile file) {
  return std::make_unique<FileBlob>(std::move(file.fd),
                                    static_cast<std::uint64_t>(file.info.st_size));
}

Result<std::unique_ptr<Blob>> open_file_blob(const std::filesystem::path& path) {
  TRY(auto file, open_file(path));
  if (!file) return nullptr;
  return make_file_blob(*std::move(file));
}

}  // namespace ncps::storage
