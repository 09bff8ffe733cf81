#include "storage/local/local_blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "base/posix_error.h"
#include "storage/disk_calls.h"
#include "storage/file_blob.h"
#include "storage/local/list_files.h"
#include "storage/local/open_files.h"
#include "storage/spool_dir.h"
#include "storage/stale_handle.h"
#include "telemetry/span.h"

namespace ncps::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpoolFolder = "store/tmp";

// All of a file, to `text`. 0, or -1 with errno: EFBIG, if it is too large.
int read_all(const fs::path& path, std::string& text) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return -1;
  text.clear();
  char part[16 * 1024];
  for (;;) {
    auto n = ::read(fd.get(), part, sizeof part);
    if (n == 0) return 0;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    text.append(part, static_cast<std::size_t>(n));
    if (text.size() <= BlobStore::kMaxText) continue;
    errno = EFBIG;
    return -1;
  }
}

Result<std::optional<std::string>> read_text(const fs::path& path) {
  std::string text;
  if (again_if_stale([&] { return read_all(path, text); }) == 0) return text;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  if (errno == EFBIG)
    return fail(ErrorKind::unavailable, path.native() + ": too large to be a small document");
  return std::unexpected(posix_error("reading", path.native(), errno));
}

Result<void> look_at(const fs::path& folder) {
  struct stat info{};
  if (again_if_stale([&] { return ::stat(folder.c_str(), &info); }) == 0) return {};
  return std::unexpected(posix_write_error("looking at", folder.native(), errno));
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
  using Published = std::function<void()>;

  LocalStagedBlob(std::unique_ptr<SpoolFile> file, fs::path target, Pool& disk, FileOps& ops,
                  Published published)
      : file_(std::move(file)),
        target_(std::move(target)),
        disk_(disk),
        ops_(ops),
        published_(std::move(published)) {}

  SpoolFile& file() noexcept override { return *file_; }

  Task<void> publish() override {
    trace::Span span("local.publish");
    auto work = [&] { return publish_file(*file_, target_, ops_); };
    auto outcome = co_await offload(disk_, std::move(work));
    published_();  // or perhaps, after an Error
    co_return outcome;
  }

 private:
  std::unique_ptr<SpoolFile> file_;
  const fs::path target_;
  Pool& disk_;
  FileOps& ops_;
  const Published published_;
};

class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(const LocalOptions& options, std::unique_ptr<SpoolDir> spool_dir, Pool& disk)
      : root_(options.root),
        spool_dir_(std::move(spool_dir)),
        disk_(disk),
        calls_(disk, options.patience),
        ops_(options.ops) {}

  Task<std::unique_ptr<Blob>> open(BlobKey key) override {
    trace::Span span("local.open");
    span.set("ncps.key", key.str());
    if (auto known = open_files_->find(key.str()))
      co_return make_file_blob(*std::move(known), KeptOpen::yes);
    auto path = root_ / key.str();
    auto work = [path, key, files = open_files_]() -> Result<std::unique_ptr<Blob>> {
      TRY(auto file, open_file(path));
      if (!file) return nullptr;
      files->keep(key.str(), *file);
      return make_file_blob(*std::move(file));
    };
    co_return co_await calls_.run("opening " + path.native(), std::move(work));
  }

  Task<std::optional<std::string>> find_text(BlobKey key) override {
    trace::Span span("local.read_text");
    span.set("ncps.key", key.str());
    auto path = root_ / key.str();
    auto work = [path] { return read_text(path); };
    co_return co_await calls_.run("reading " + path.native(), std::move(work));
  }

  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    trace::Span span("local.put_text");
    span.set("ncps.key", key.str());
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
    auto target = root_ / key.str();
    auto published = [files = open_files_, key = std::move(key)] { files->forget(key.str()); };
    co_return std::make_unique<LocalStagedBlob>(std::move(file), std::move(target), disk_, ops_,
                                                std::move(published));
  }

  Task<void> remove(BlobKey key) override {
    trace::Span span("local.remove");
    span.set("ncps.key", key.str());
    auto work = [&]() -> Result<void> {
      TRY(check_writable());
      auto path = root_ / key.str();
      auto unlink = [&] { return ops_.unlink(path); };
      if (again_if_stale(unlink) != 0 && errno != ENOENT && errno != ENOTDIR) {
        return std::unexpected(posix_write_error("removing", path.native(), errno));
      }
      return {};
    };
    auto removed = co_await offload(disk_, std::move(work));
    open_files_->forget(key.str());  // its space is wanted
    co_return removed;
  }

  Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) override {
    auto work = [&] { return list_files(root_, folder, after, kListed); };
    co_return co_await offload(disk_, std::move(work));
  }

  // Our own folder in it: if that is not there, another file system is mounted than at our start.
  Task<void> check() override {
    auto path = spool_dir_ ? spool_dir_->path() : root_;
    auto work = [path] { return look_at(path); };
    co_return co_await calls_.run("looking at " + path.native(), std::move(work));
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
  DiskCalls calls_;
  FileOps& ops_;
  const std::shared_ptr<OpenFiles> open_files_ =
      std::make_shared<OpenFiles>();  // calls_ use it, too
};

}  // namespace

Result<std::unique_ptr<BlobStore>> open_local(const LocalOptions& options, Pool& disk) {
  std::unique_ptr<SpoolDir> spool_dir;
  if (options.access == Access::write) {
    TRY(spool_dir, SpoolDir::open(options.root / kSpoolFolder, options.ops));
  }
  return std::make_unique<LocalBlobStore>(options, std::move(spool_dir), disk);
}

}  // namespace ncps::storage
