#include "storage/s3/s3_blob_store.h"

#include <fcntl.h>

#include <cerrno>

#include "base/posix_error.h"
#include "rt/block_on.h"
#include "rt/signal.h"
#include "rt/task_group.h"
#include "storage/own_folder.h"
#include "storage/s3/credential_chain.h"
#include "storage/s3/s3_client.h"
#include "storage/s3/s3_leftovers.h"
#include "storage/s3/s3_list.h"
#include "storage/s3/s3_object.h"
#include "storage/s3/s3_outside.h"
#include "storage/s3/s3_start.h"
#include "storage/s3/s3_upload.h"
#include "storage/spool_dir.h"
#include "telemetry/log.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using storage::Blob;
using storage::BlobKey;
using storage::BlobStore;
using storage::IfExists;
using storage::Part;
using storage::SpoolDir;
using storage::SpoolFile;
using storage::StagedBlob;

constexpr auto kLookTime = 5s;  // of a check: a stop waits for it
constexpr auto kAskTime = 25s;  // of one request, retries included: clients wait for it
// Of a URL given to a client, who begins to use it at once, but may ask again where it breaks off.
constexpr auto kOutsideTime = 5min;
constexpr auto kStartTime = 30s;  // of asking for the bucket
constexpr auto kGrace = 5s;       // for what runs behind the scenes when the store is destroyed
constexpr auto kUnwind = 30s;
constexpr auto kTidyUp = 4s;  // for what is under way when we are cut off

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

class S3StagedBlob final : public StagedBlob {
 public:
  S3StagedBlob(std::unique_ptr<SpoolFile> file, std::shared_ptr<S3Upload> upload)
      : file_(std::move(file)), upload_(std::move(upload)) {}
  ~S3StagedBlob() override {
    if (!published_) upload_->give_up();
  }

  SpoolFile& file() noexcept override { return *file_; }
  void grown() override { upload_->grown(file_->size()); }

  Task<void> publish() override {
    grown();
    CO_TRY(co_await upload_->finish());
    published_ = true;
    co_return Result<void>();
  }

 private:
  std::unique_ptr<SpoolFile> file_;
  std::shared_ptr<S3Upload> upload_;
  bool published_ = false;
};

class S3BlobStore final : public BlobStore {
 public:
  S3BlobStore(S3Options options, Address address, std::unique_ptr<SpoolDir> spool_dir,
              std::unique_ptr<fetch::HttpClient> http, Runtime& runtime, Pool& disk, Pool& cpu)
      : runtime_(runtime),
        disk_(disk),
        spool_root_(options.spool),
        spool_dir_(std::move(spool_dir)),
        http_(std::move(http)),
        outside_(make_outside(*http_, disk)),
        who_{.access_key = std::move(options.access_key),
             .secret_key = std::move(options.secret_key),
             .region = address.region(),
             .environment = std::move(options.environment)},
        keeper_([this](Deadline deadline) { return find_credentials(who_, *outside_, deadline); },
                now),
        outside_urls_(options.outside_urls),
        client_(std::move(address), *http_, keeper_, cpu),
        looks_(client_, options.look_for_leftovers_each),
        uploads_{client_, runtime, group_, std::move(options.storage_class)} {}

  ~S3BlobStore() override {
    looks_.stop();
    if (group_.join_blocking(Deadline::after(kGrace))) return;
    http_->stop();
    group_.join_blocking(Deadline::after(kUnwind));
  }

  // Errors: unavailable.
  Result<void> start() {
    auto checked = block_on(runtime_, check_bucket(client_, Deadline::after(kStartTime)));
    if (!checked)
      return std::unexpected(
          std::move(checked).error().while_doing("opening the bucket " + client_.address().name()));
    if (spool_dir_) group_.spawn(runtime_.next_executor(), "s3 leftovers", looks_.run());
    return {};
  }

  Task<std::unique_ptr<Blob>> open(BlobKey key) override {
    return open_object_of(std::move(key), {});
  }
  Task<std::unique_ptr<Blob>> open_part(BlobKey key, Part part) override {
    return open_object_of(std::move(key), part);
  }

  Task<std::optional<std::uint64_t>> find(BlobKey key) override {
    auto size = co_await find_object(client_, path_of(key), Deadline::after(kAskTime));
    if (!size) co_return std::unexpected(named(std::move(size).error(), "looking for ", key));
    co_return *size;
  }

  Task<std::optional<std::string>> outside_url(BlobKey key, storage::Asking asking) override {
    if (!has_outside_urls()) co_return std::nullopt;
    auto verb = asking == storage::Asking::head ? fetch::Verb::head : fetch::Verb::get;
    auto deadline = Deadline::after(kAskTime);
    CO_TRY(auto url, co_await client_.presign(verb, path_of(key), kOutsideTime, deadline));
    co_return std::move(url);
  }

  bool has_outside_urls() const noexcept override { return outside_urls_ == OutsideUrls::yes; }

  Task<std::optional<std::string>> find_text(BlobKey key) override {
    auto text = co_await read_text(key);
    if (!text) co_return std::unexpected(named(std::move(text).error(), "reading ", key));
    co_return std::move(*text);
  }

  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    CO_TRY(check_writable());
    auto put = co_await write_text(key, std::move(text), if_exists);
    if (!put) co_return std::unexpected(named(std::move(put).error(), "writing ", key));
    co_return Result<void>();
  }

  Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) override {
    CO_TRY(check_writable());
    auto work = [&]() -> Result<std::pair<std::unique_ptr<SpoolFile>, UniqueFd>> {
      TRY(auto file, spool_dir_->create());
      // Its own descriptor: parts may be under way when the file is gone.
      UniqueFd fd(::fcntl(file->fd(), F_DUPFD_CLOEXEC, 0));
      if (!fd) return std::unexpected(posix_write_error("opening", file->path().native(), errno));
      return std::pair(std::move(file), std::move(fd));
    };
    CO_TRY(auto made, co_await offload(disk_, std::move(work)));
    made.first->clean_up_by([&disk = disk_](auto clean_up) { boost::asio::post(disk, clean_up); });
    auto fd = std::make_shared<const UniqueFd>(std::move(made.second));
    auto upload = std::make_shared<S3Upload>(uploads_, path_of(key), std::move(fd));
    co_return std::make_unique<S3StagedBlob>(std::move(made.first), std::move(upload));
  }

  Task<void> remove(BlobKey key) override {
    CO_TRY(check_writable());
    S3Request request{.verb = fetch::Verb::del, .path = path_of(key)};
    auto answer = co_await client_.ask(std::move(request), Deadline::after(kAskTime));
    if (!answer) co_return std::unexpected(named(std::move(answer).error(), "removing ", key));
    if (!answer->good() && answer->meaning != Meaning::absent)
      co_return std::unexpected(named(answer->why(), "removing ", key));
    co_return Result<void>();
  }

  Task<std::vector<storage::BlobEntry>> list(BlobKey folder, std::string after) override {
    auto deadline = Deadline::after(kAskTime);
    auto page = co_await list_objects(client_, folder.str(), std::move(after), deadline);
    if (!page) co_return std::unexpected(named(std::move(page).error(), "listing ", folder));
    co_return std::move(*page);
  }

  // Not of a blob that must be there: an answer from the server is what matters.
  Task<void> check() override {
    CO_TRY(auto key, BlobKey::parse("config/cache.key"));
    auto size = co_await find_object(client_, path_of(key), Deadline::after(kLookTime));
    if (!size) co_return std::unexpected(named(std::move(size).error(), "looking for ", key));
    co_return Result<void>();
  }

  Task<std::vector<std::string>> leftovers() override {
    auto spool = [&] { return SpoolDir::stale(spool_root_, kListed); };
    CO_TRY(auto all, co_await offload(disk_, std::move(spool)));
    CO_TRY(auto uploads, co_await find_leftovers(client_, now() - kLeftAfter, kListed));
    for (auto& key : uploads) all.push_back("upload of " + std::move(key));
    if (all.size() > kListed) all.resize(kListed);
    co_return all;
  }

  // What waits for another try fails now; what is under way may end, so that uploads can be aborted.
  void cut_off() override {
    looks_.stop();
    client_.close();
    group_.spawn(runtime_.next_executor(), "s3 end", end_soon());
  }

 private:
  Result<void> check_writable() const {
    if (spool_dir_) return {};
    return fail(ErrorKind::unavailable, client_.address().name() + ": opened only to be read");
  }

  std::string path_of(const BlobKey& key) const { return client_.address().object_path(key.str()); }

  static Error named(Error error, std::string_view action, const BlobKey& key) {
    return std::move(error).while_doing(std::string(action) + key.str());
  }

  Task<std::unique_ptr<Blob>> open_object_of(BlobKey key, std::optional<Part> part) {
    auto blob = co_await open_object(client_, path_of(key), part, Deadline::after(kAskTime));
    if (!blob) co_return std::unexpected(named(std::move(blob).error(), "opening ", key));
    co_return std::move(*blob);
  }

  Task<std::optional<std::string>> read_text(const BlobKey& key) {
    auto deadline = Deadline::after(kAskTime);
    S3Request request{.path = path_of(key)};
    for (unsigned tries = 1;; ++tries) {
      CO_TRY(auto answer, co_await client_.ask(request, deadline));
      if (answer.meaning == Meaning::absent) co_return std::nullopt;
      if (!answer.good()) co_return std::unexpected(answer.why());
      auto text = co_await S3Client::read_text(std::move(answer), kMaxText, deadline);
      if (text || tries == 3 || deadline.passed()) {
        CO_TRY(auto whole, std::move(text));
        co_return std::move(whole);
      }
    }
  }

  Task<S3Answer> put(const BlobKey& key, std::string text, IfExists if_exists) {
    S3Request request{.verb = fetch::Verb::put, .path = path_of(key), .body = std::move(text)};
    if (if_exists == IfExists::keep) request.headers.emplace_back("if-none-match", "*");
    if (!uploads_.storage_class.empty())
      request.headers.emplace_back("x-amz-storage-class", uploads_.storage_class);
    co_return co_await client_.ask(std::move(request), Deadline::after(kAskTime));
  }

  Task<void> write_text(const BlobKey& key, std::string text, IfExists if_exists) {
    CO_TRY(auto answer, co_await put(key, text, if_exists));
    if (answer.meaning == Meaning::not_implemented && if_exists == IfExists::keep)
      co_return co_await write_if_absent(key, text);
    if (answer.meaning == Meaning::exists && answer.attempts > 1) {
      // It may be ours, written by an attempt whose answer was lost.
      CO_TRY(auto there, co_await read_text(key));
      if (there == text) co_return Result<void>();
    }
    if (!answer.good()) co_return std::unexpected(answer.why());
    co_return Result<void>();
  }

  // On a server that has no conditional writes. Of two who find nothing at once the later one's text
  // stands, and the other is told so if it reads late enough: more such a server does not allow.
  Task<void> write_if_absent(const BlobKey& key, const std::string& text) {
    log::warn("the S3 server has no conditional writes: let one instance make what is not there",
              {{"key", key.str()}});
    CO_TRY(auto there, co_await read_text(key));
    if (!there) {
      CO_TRY(auto answer, co_await put(key, text, IfExists::replace));
      if (!answer.good()) co_return std::unexpected(answer.why());
      CO_TRY(there, co_await read_text(key));
      if (!there) co_return fail(ErrorKind::unavailable, "what was written has gone at once");
      if (*there == text) co_return Result<void>();
    }
    co_return fail(ErrorKind::conflict, "the object exists already");
  }

  boost::asio::awaitable<void> end_soon() {
    co_await sleep_for(kTidyUp);
    http_->stop();
  }

  // Constant after construction; each has its own synchronisation.
  Runtime& runtime_;
  Pool& disk_;
  const std::filesystem::path spool_root_;
  const std::unique_ptr<SpoolDir> spool_dir_;  // nullptr: only to be read
  const std::unique_ptr<fetch::HttpClient> http_;
  const std::unique_ptr<Outside> outside_;
  const CredentialOptions who_;
  CredentialKeeper keeper_;
  const OutsideUrls outside_urls_;
  S3Client client_;
  LeftoverLooks looks_;
  TaskGroup group_;
  const UploadDeps uploads_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> open_s3(S3Options options,
                                           std::unique_ptr<fetch::HttpClient> http,
                                           Runtime& runtime, Pool& disk, Pool& cpu) {
  TRY(auto address, Address::parse(options.address));
  std::unique_ptr<SpoolDir> spool_dir;
  if (options.access == storage::Access::write) {
    TRY(storage::make_own_folder(options.spool));
    TRY(spool_dir, SpoolDir::open(options.spool));
  }
  auto store =
      std::make_unique<S3BlobStore>(std::move(options), std::move(address), std::move(spool_dir),
                                    std::move(http), runtime, disk, cpu);
  TRY(store->start());
  return store;
}

}  // namespace ncps::s3
