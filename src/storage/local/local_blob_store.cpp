#include "storage/local/local_blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/posix_error.h"
#include "storage/file_blob.h"
#include "storage/local/list_files.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpoolFolder = "store/tmp";

Result<std::optional<std::string>> read_text(const fs::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return std::unexpected(posix_error("opening", path.native(), errno));
  }
  std::string text;
  char part[16 * 1024];
  for (;;) {
    auto n = ::read(fd.get(), part, sizeof part);
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(posix_error("reading", path.native(), errno));
    text.append(part, static_cast<std::size_t>(n));
    if (text.size() > BlobStore::kMaxText)
      return fail(ErrorKind::unavailable, path.native() + ": too large to be a small document");
  }
}

// Nothing gets its name before all of its bytes are on the disk.
Result<void> make_ready(SpoolFile& file, const fs::path& target, FileOps& ops) {
  TRY(make_durable_folder(target.parent_path(), ops));
  if (ops.fchmod(file.fd(), 0400) != 0)
    return std::unexpected(posix_write_error("chmod", target.native(), errno));
  return file.sync();
}

Result<void> publish_file(SpoolFile& file, const fs::path& target, FileOps& ops) {
  TRY(make_ready(file, target, ops));
  return file.move_to(target);
}

// link(2), unlike rename(2), refuses to replace: of two writers exactly one wins.
Result<void> publish_if_new(SpoolFile& file, const fs::path& target, FileOps& ops) {
  TRY(make_ready(file, target, ops));
  if (ops.link(file.path(), target) == 0) return sync_folder(target.parent_path(), ops);
  if (errno == EEXIST) return std::unexpected(posix_error("publishing", target.native(), errno));
  return std::unexpected(posix_write_error("publishing", target.native(), errno));
}

class LocalStagedBlob final : public StagedBlob {
 public:
  LocalStagedBlob(std::unique_ptr<SpoolFile> file, fs::path target, Pool& disk, FileOps& ops)
      : file_(std::move(file)), target_(std::move(target)), disk_(disk), ops_(ops) {}

  SpoolFile& file() noexcept override { return *file_; }

  Task<void> publish() override {
    auto work = [&] { return publish_file(*file_, target_, ops_); };
    co_return co_await offload(disk_, std::move(work));
  }

 private:
  std::unique_ptr<SpoolFile> file_;
  const fs::path target_;
  Pool& disk_;
  FileOps& ops_;
};

class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(fs::path root, std::unique_ptr<SpoolDir> spool_dir, Pool& disk, FileOps& ops)
      : root_(std::move(root)), spool_dir_(std::move(spool_dir)), disk_(disk), ops_(ops) {}

  Task<std::unique_ptr<Blob>> open(BlobKey key) override {
    auto work = [&] { return open_file_blob(root_ / key.str()); };
    co_return co_await offload(disk_, std::move(work));
  }

  Task<std::optional<std::string>> find_text(BlobKey key) override {
    auto work = [&] { return read_text(root_ / key.str()); };
    co_return co_await offload(disk_, std::move(work));
  }

  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    auto work = [&]() -> Result<void> {
      TRY(auto file, create());
      TRY(file->append(text));
      auto target = root_ / key.str();
      return if_exists == IfExists::replace ? publish_file(*file, target, ops_)
                                            : publish_if_new(*file, target, ops_);
    };
    co_return co_await offload(disk_, std::move(work));
  }

  Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) override {
    auto work = [&] { return create(); };
    CO_TRY(auto file, co_await offload(disk_, std::move(work)));
    file->clean_up_by([&disk = disk_](auto clean_up) { boost::asio::post(disk, clean_up); });
    co_return std::make_unique<LocalStagedBlob>(std::move(file), root_ / key.str(), disk_, ops_);
  }

  Task<void> remove(BlobKey key) override {
    auto work = [&]() -> Result<void> {
      TRY(check_writable());
      auto path = root_ / key.str();
      if (ops_.unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return std::unexpected(posix_write_error("removing", path.native(), errno));
      }
      return {};
    };
    co_return co_await offload(disk_, std::move(work));
  }

  Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) override {
    auto work = [&] { return list_files(root_, folder, after, kListed); };
    co_return co_await offload(disk_, std::move(work));
  }

  Task<std::vector<std::string>> leftovers() override {
    auto work = [&] { return SpoolDir::stale(root_ / kSpoolFolder, kListed); };
    co_return co_await offload(disk_, std::move(work));
  }

 private:
  Result<std::unique_ptr<SpoolFile>> create() {
    TRY(check_writable());
    return spool_dir_->create();
  }

  Result<void> check_writable() const {
    if (spool_dir_) return {};
    return fail(ErrorKind::unavailable, root_.native() + ": opened only to be read");
  }

  fs::path root_;
  std::unique_ptr<SpoolDir> spool_dir_;  // nullptr: only to be read
  Pool& disk_;
  FileOps& ops_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> open_local(const LocalOptions& options, Pool& disk) {
  std::unique_ptr<SpoolDir> spool_dir;
  if (options.access == Access::write) {
    TRY(spool_dir, SpoolDir::open(options.root / kSpoolFolder, options.ops));
  }
  return std::make_unique<LocalBlobStore>(options.root, std::move(spool_dir), disk, options.ops);
}

}  // namespace ncps::storage
