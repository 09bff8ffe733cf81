#include "storage/cached/cached_blob_store.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/guarded.h"
#include "base/posix_error.h"
#include "rt/deadline.h"
#include "rt/task_group.h"
#include "storage/cached/hot_files.h"
#include "storage/cached/hot_set.h"
#include "telemetry/log.h"

namespace ncps::storage {
namespace {

using namespace std::chrono_literals;

constexpr auto kPause =
    30s;  // without copying after it has failed, or reading copies if the disk hangs
constexpr auto kGrace = 5s;  // for copies that are being made when the store is destroyed
constexpr auto kUnwind = 30s;

Result<void> append_piece(SpoolFile& file, const Piece& piece) {
  if (const auto* text = std::get_if<std::string_view>(&piece)) return file.append(*text);
  auto span = std::get<FileSpan>(piece);
  std::string part(256 << 10, '\0');
  while (span.length > 0) {
    auto n = ::pread(span.fd, part.data(), std::min<std::uint64_t>(part.size(), span.length),
                     static_cast<off_t>(span.offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(posix_error("reading", "a blob", n == 0 ? EIO : errno));
    TRY(file.append(std::string_view(part).substr(0, static_cast<std::size_t>(n))));
    span.offset += static_cast<std::uint64_t>(n);
    span.length -= static_cast<std::uint64_t>(n);
  }
  return {};
}

class CachedBlobStore final : public BlobStore {
 public:
  CachedBlobStore(std::unique_ptr<BlobStore> inner, std::unique_ptr<HotFiles> files,
                  const CachedOptions& options, Runtime& runtime, Pool& disk)
      : inner_(std::move(inner)),
        files_(std::move(files)),
        below_(options.below.empty() ? "" : options.below + "/"),
        limit_(options.limit),
        runtime_(runtime),
        disk_(disk),
        calls_(disk, options.patience),
        state_(
            State{.hot = std::make_unique<HotSet>(options.limit), .pause = {}, .disk_hangs = {}}) {}

  ~CachedBlobStore() override {
    closing_ = true;
    if (group_.join_blocking(Deadline::after(kGrace))) return;
    inner_->cut_off();
    group_.join_blocking(Deadline::after(kUnwind));
  }

  // Errors: unavailable.
  Result<void> take_over() {
    TRY(auto found, files_->found());
    // The last used is adopted first, so that what there is no room for was not used for long.
    std::vector<HotFiles::Found> kept;
    std::uint64_t bytes = 0;
    state_.with([&](State& state) {
      for (auto at = found.rbegin(); at != found.rend(); ++at) {
        bool fits = at->size <= limit_ && bytes <= limit_ - at->size;
        if (!fits || !is_ours(at->key)) {
          files_->remove(at->key);
          continue;
        }
        bytes += at->size;
        kept.push_back(std::move(*at));
      }
      for (auto at = kept.rbegin(); at != kept.rend(); ++at) state.hot->adopt(at->key, at->size);
    });
    log::info("local copies", {{"count", kept.size()}, {"bytes", bytes}});
    return {};
  }

  Task<std::unique_ptr<Blob>> open(BlobKey key) override {
    if (!is_ours(key.str())) co_return co_await inner_->open(std::move(key));
    if (auto copy = co_await open_copy(key.str())) co_return std::move(copy);
    CO_TRY(auto blob, co_await inner_->open(key));
    if (blob) consider(key, blob->size());
    co_return std::move(blob);
  }

  Task<std::unique_ptr<Blob>> open_part(BlobKey key, Part part) override {
    if (!is_ours(key.str())) co_return co_await inner_->open_part(std::move(key), part);
    if (auto copy = co_await open_copy(key.str())) co_return std::move(copy);
    CO_TRY(auto blob, co_await inner_->open_part(key, part));
    if (blob) consider(key, blob->size());
    co_return std::move(blob);
  }

  Task<std::optional<std::uint64_t>> find(BlobKey key) override {
    return inner_->find(std::move(key));
  }
  Task<std::optional<std::string>> outside_url(BlobKey key, Asking asking) override {
    return inner_->outside_url(std::move(key), asking);
  }
  bool has_outside_urls() const noexcept override { return inner_->has_outside_urls(); }
  Task<std::optional<std::string>> find_text(BlobKey key) override {
    return inner_->find_text(std::move(key));
  }
  Task<void> check() override { return inner_->check(); }
  Task<std::vector<std::string>> leftovers() override { return inner_->leftovers(); }
  Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) override {
    return inner_->list(std::move(folder), std::move(after));
  }

  // What changes is forgotten before, so that nobody reads the old one when this has returned, and
  // after, because a copy may have been made in between.

  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    co_await forget(key.str());
    auto put = co_await inner_->put_text(key, std::move(text), if_exists);
    co_await forget(key.str());
    co_return put;
  }

  Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) override {
    CO_TRY(auto staged, co_await inner_->stage(key));
    if (!is_ours(key.str())) co_return std::move(staged);
    co_return std::make_unique<Staged>(*this, key.str(), std::move(staged));
  }

  Task<void> remove(BlobKey key) override {
    co_await forget(key.str());
    auto removed = co_await inner_->remove(key);
    co_await forget(key.str());
    co_return removed;
  }

  std::uint64_t local_copies() const override {
    return state_.with([](const State& s) { return s.hot->bytes(); });
  }

  void cut_off() override {
    closing_ = true;
    inner_->cut_off();
  }

 private:
  struct State {
    std::unique_ptr<HotSet> hot;
    std::optional<Deadline> pause;       // nothing is copied until then
    std::optional<Deadline> disk_hangs;  // nor is any copy read
  };

  class Staged final : public StagedBlob {
   public:
    Staged(CachedBlobStore& store, std::string key, std::unique_ptr<StagedBlob> inner)
        : store_(store), key_(std::move(key)), inner_(std::move(inner)) {}
    SpoolFile& file() noexcept override { return inner_->file(); }
    void grown() override { inner_->grown(); }
    Task<void> publish() override {
      co_await store_.forget(key_);
      auto published = co_await inner_->publish();
      co_await store_.forget(key_);
      co_return published;
    }

   private:
    CachedBlobStore& store_;
    const std::string key_;
    const std::unique_ptr<StagedBlob> inner_;
  };

  bool is_ours(std::string_view key) const { return key.starts_with(below_); }

  // nullptr: there is none that can be read.
  boost::asio::awaitable<std::unique_ptr<Blob>> open_copy(const std::string& key) {
    auto size = state_.with([&](State& state) -> std::optional<std::uint64_t> {
      if (state.disk_hangs && !state.disk_hangs->passed()) return std::nullopt;
      return state.hot->use(key);
    });
    if (!size) co_return nullptr;
    struct Answer {
      Result<std::unique_ptr<Blob>> copy;
    };
    auto work = [files = files_, key, size = *size]() -> Result<Answer> {
      return Answer{files->read(key, size)};
    };
    auto answer = co_await calls_.run("opening a local copy", std::move(work));
    if (!answer) {
      // The copy may be well. Removing it would wait for the same disk.
      state_.with([](State& state) { state.disk_hangs = Deadline::after(kPause); });
      log::warn("a local copy cannot be read", {{"key", key}, {"error", answer.error().what()}});
      co_return nullptr;
    }
    auto& copy = answer->copy;
    if (copy && *copy) co_return std::move(*copy);
    log::warn("a local copy cannot be read",
              {{"key", key}, {"error", copy ? "it is gone, or cut short" : copy.error().what()}});
    co_await forget(key);
    co_return nullptr;
  }

  boost::asio::awaitable<void> forget(std::string key) {
    bool there = state_.with([&](State& state) { return state.hot->forget(key); });
    if (!there) co_return;
    auto work = [&] {
      files_->remove(key);
      return true;
    };
    co_await offload(disk_, std::move(work));
  }

  // Whether a copy is made, beside whatever is read of it now.
  void consider(const BlobKey& key, std::uint64_t size) {
    if (closing_) return;
    auto removed = state_.with([&](State& state) -> std::optional<std::vector<std::string>> {
      if (state.pause && !state.pause->passed()) return std::nullopt;
      state.pause.reset();
      return state.hot->want(key.str(), size);
    });
    if (removed)
      group_.spawn(runtime_.next_executor(), "local copy", copy(key, size, std::move(*removed)));
  }

  boost::asio::awaitable<void> copy(BlobKey key, std::uint64_t size,
                                    std::vector<std::string> removed) {
    auto made = co_await try_copy(key, size, removed);
    bool keep = state_.with([&](State& state) {
      if (made) return state.hot->copied(key.str());
      state.hot->gave_up(key.str());
      state.pause = Deadline::after(kPause);
      return true;
    });
    if (!made && !closing_)
      log::warn("no local copy was made", {{"key", key.str()}, {"error", made.error().what()}});
    if (keep) co_return;
    auto work = [&] {
      files_->remove(key.str());
      return true;
    };
    co_await offload(disk_, std::move(work));
  }

  Task<void> try_copy(const BlobKey& key, std::uint64_t size,
                      const std::vector<std::string>& removed) {
    auto begin = [&] {
      for (const auto& old : removed) files_->remove(old);
      return files_->create();
    };
    CO_TRY(auto file, co_await offload(disk_, std::move(begin)));
    file->clean_up_by([&disk = disk_](auto clean_up) { boost::asio::post(disk, clean_up); });
    CO_TRY(auto blob, co_await inner_->open(key));
    if (!blob || blob->size() != size)
      co_return fail(ErrorKind::unavailable, "it was replaced or removed meanwhile");
    auto source = blob->read(0, size);
    while (file->size() < size) {
      if (closing_) co_return fail(ErrorKind::unavailable, "the server is shutting down");
      CO_TRY(auto piece, co_await source->next());
      if (piece_size(piece) == 0) co_return fail(ErrorKind::unavailable, "it ended too early");
      auto append = [&] { return append_piece(*file, piece); };
      CO_TRY(co_await offload(disk_, std::move(append)));
    }
    auto publish = [&] { return files_->publish(*file, key.str()); };
    co_return co_await offload(disk_, std::move(publish));
  }

  // Constant after construction; each has its own synchronisation.
  const std::unique_ptr<BlobStore> inner_;
  const std::shared_ptr<HotFiles> files_;  // calls_ use it, too
  const std::string below_;                // with the slash
  const std::uint64_t limit_;
  Runtime& runtime_;
  Pool& disk_;
  DiskCalls calls_;
  std::atomic<bool> closing_{false};
  TaskGroup group_;
  Guarded<State> state_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> with_local_copies(std::unique_ptr<BlobStore> inner,
                                                     const CachedOptions& options, Runtime& runtime,
                                                     Pool& disk) {
  auto files = HotFiles::open(options.folder);
  if (!files)
    return std::unexpected(std::move(files).error().while_doing("opening the local copies"));
  auto store = std::make_unique<CachedBlobStore>(std::move(inner), std::move(*files), options,
                                                 runtime, disk);
  TRY(store->take_over());
  return store;
}

}  // namespace ncps::storage
