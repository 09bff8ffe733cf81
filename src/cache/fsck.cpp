#include "cache/fsck.h"

#include <algorithm>
#include <deque>

#include "cache/fsck_lists.h"
#include "cache/fsck_narinfos.h"
#include "cache/fsck_nars.h"
#include "cache/fsck_objects.h"
#include "cache/fsck_pins.h"
#include "cache/nar_layout.h"
#include "rt/signal.h"

namespace ncps::cache {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostWaiting = 10'000;                   // for their second look
constexpr std::size_t kNarInfosAtOnce = 64, kNarsAtOnce = 16;  // read in one go
constexpr double kNarInfoPart = 0.2;  // of the whole, where NARs are not only counted

storage::BlobKey folder(std::string_view key) {
  return storage::BlobKey::parse(key).value();
}

std::string last_part(const storage::BlobKey& key) {
  return key.str().substr(key.str().rfind('/') + 1);
}

std::optional<std::string> narinfo_name(const storage::BlobKey& key) {
  constexpr std::string_view kEnd = ".narinfo";
  auto name = last_part(key);
  if (!name.ends_with(kEnd)) return std::nullopt;
  auto hash =
      nix::StorePathHash::parse(std::string_view(name).substr(0, name.size() - kEnd.size()));
  return hash && narinfo_key(*hash) == key ? std::optional(name) : std::nullopt;
}

std::optional<std::string> nar_name(const storage::BlobKey& key) {
  auto name = last_part(key);
  auto url = nix::NarUrl::parse("nar/" + name);
  return url && nar_key(*url) == key ? std::optional(name) : std::nullopt;
}

std::optional<std::string> object_name(const storage::BlobKey& key) {
  return object_of(key) ? std::optional(key.str()) : std::nullopt;
}

std::vector<storage::BlobKey> object_folders() {
  return {folder("store/build-trace-v2"), folder("store/debuginfo"), folder("store/listing"),
          folder("store/log"), folder("store/realisations")};
}

// What waits for its second look, until it has settled.
template <class What>
class Waiting {
 public:
  explicit Waiting(std::chrono::milliseconds settling) : settling_(settling) {}

  void add(What what) { all_.push_back({std::move(what), Clock::now() + settling_}); }
  bool empty() const { return all_.empty(); }

  // Whether the oldest one may be looked at; waits for that if there are too many.
  boost::asio::awaitable<bool> ripe(bool at_the_end) {
    if (all_.empty()) co_return false;
    auto left = all_.front().due - Clock::now();
    if (left <= Clock::duration::zero()) co_return true;
    if (!at_the_end && all_.size() < kMostWaiting) co_return false;
    co_await sleep_for(left);
    co_return true;
  }
  What take() {
    auto what = std::move(all_.front().what);
    all_.pop_front();
    return what;
  }

 private:
  struct One {
    What what;
    Clock::time_point due;
  };
  const std::chrono::milliseconds settling_;
  std::deque<One> all_;
};

class Fsck {
 public:
  Fsck(FsckDeps deps, FsckOptions options, std::function<void(const FsckSummary&)> progress)
      : deps_(deps), options_(std::move(options)), progress_(std::move(progress)) {}

  Task<void> leftovers() {
    CO_TRY(auto now, co_await deps_.store.leftovers());
    bool mends = options_.changes == Changes::all;
    for (const auto& one : mends ? options_.leftovers : now) {
      report_.found(Flaw::leftover, one);
      if (mends && std::ranges::find(now, one) == now.end()) report_.mended(Flaw::leftover);
    }
    co_return Result<void>();
  }

  Task<void> pins() {
    CO_TRY(summary().strange, co_await pins_.look_at_all());
    co_return Result<void>();
  }

  Task<void> narinfos() {
    StoreList files(deps_.store, {folder("store/narinfo")}, narinfo_name);
    RowList<db::NarInfoEntry> rows(
        [this](std::string after) { return deps_.inventory.narinfos(std::move(after)); },
        // As the file is called: the order of the two lists is the same.
        [](const db::NarInfoEntry& entry) { return entry.hash + ".narinfo"; });
    Waiting<std::string> waiting(options_.settling);
    std::vector<std::string> to_read;
    for (;;) {
      CO_TRY(auto pair, co_await next_pair(files, rows));
      if (!pair) break;
      if (pair->lying) count(summary().narinfos, pair->lying->size);
      summary().part_done = kNarInfoPart * part_before(pair->name);
      auto name = pair->row ? pair->row->hash : pair->name.substr(0, pair->name.rfind('.'));
      if (look_at_narinfo(pair->lying.has_value(), pair->row ? &*pair->row : nullptr)) {
        waiting.add(std::move(name));
      } else if (options_.verify_content && pair->lying) {
        to_read.push_back(std::move(name));
      }
      if (to_read.size() == kNarInfosAtOnce) co_await narinfos_.read(std::exchange(to_read, {}));
      while (co_await waiting.ripe(false)) co_await narinfos_.look_again(waiting.take());
      tell();
    }
    co_await narinfos_.read(std::exchange(to_read, {}));
    while (co_await waiting.ripe(true)) co_await narinfos_.look_again(waiting.take());
    co_await narinfos_.make_rows();
    summary().strange += files.strange();
    co_return Result<void>();
  }

  Task<void> objects() {
    StoreList files(deps_.store, object_folders(), object_name);
    RowList<db::ObjectEntry> rows(
        [this](std::string after) { return deps_.inventory.objects(std::move(after)); },
        [](const db::ObjectEntry& entry) { return entry.key; });
    struct Doubtful {
      std::string key;
      db::Time published;
    };
    Waiting<Doubtful> waiting(options_.settling);
    for (bool more = true; more || !waiting.empty();) {
      std::optional<Pair<db::ObjectEntry>> pair;
      if (more) {
        CO_TRY(pair, co_await next_pair(files, rows));
        more = pair.has_value();
      }
      if (pair) {
        if (pair->lying) count(summary().objects, pair->lying->size);
        std::optional<Lying> lies;
        if (pair->lying)
          lies = Lying{.size = pair->lying->size, .published = pair->lying->modified};
        const auto* row = pair->row ? &*pair->row : nullptr;
        if (look_at_object(lies, row, options_.objects_grace_from))
          waiting.add({std::move(pair->name), lies ? lies->published : db::Time()});
      }
      while (co_await waiting.ripe(!more)) {
        auto one = waiting.take();
        co_await objects_.look_again(std::move(one.key), one.published);
      }
      tell();
    }
    summary().strange += files.strange();
    co_return Result<void>();
  }

  Task<void> nars() {
    StoreList files(deps_.store, {folder("store/nar")}, nar_name);
    RowList<db::NarEntry> rows(
        [this](std::string after) { return deps_.inventory.nars(std::move(after)); },
        [](const db::NarEntry& entry) { return std::string(entry.row.url.file_name()); });
    Waiting<Suspect> waiting(options_.settling);
    std::vector<db::NarRow> to_read;
    for (;;) {
      CO_TRY(auto pair, co_await next_pair(files, rows));
      if (!pair) break;
      if (pair->lying) count(summary().nars, pair->lying->size);
      summary().part_done = kNarInfoPart + (1 - kNarInfoPart) * part_before(pair->name);
      std::optional<Lying> lies;
      if (pair->lying) lies = Lying{.size = pair->lying->size, .published = pair->lying->modified};
      const auto* row = pair->row ? &*pair->row : nullptr;
      if (look_at_nar(lies, row, options_.grace_from) || may_be_lost_upload(lies, row)) {
        CO_TRY(auto url, row != nullptr ? Result<nix::NarUrl>(row->row.url)
                                        : nix::NarUrl::parse("nar/" + pair->name));
        waiting.add({std::move(url), lies ? lies->published : db::Time()});
      } else if (options_.verify_content && lies && row != nullptr && is_due(*row)) {
        to_read.push_back(row->row);
      }
      if (to_read.size() == kNarsAtOnce) co_await nars_.read(std::exchange(to_read, {}));
      while (co_await waiting.ripe(false)) co_await look_again(waiting);
      tell();
    }
    co_await nars_.read(std::exchange(to_read, {}));
    while (co_await waiting.ripe(true)) co_await look_again(waiting);
    co_await nars_.note_verified();
    summary().strange += files.strange();
    if (rows.unreadable() > 0)
      report_.unchecked("rows of NARs",
                        Error(ErrorKind::unavailable,
                              std::to_string(rows.unreadable()) + " of them cannot be read"));
    summary().part_done = 1;
    co_return Result<void>();
  }

  FsckSummary take_summary() { return std::move(report_.summary()); }

 private:
  struct Suspect {
    nix::NarUrl url;
    db::Time published;
  };

  boost::asio::awaitable<void> look_again(Waiting<Suspect>& waiting) {
    auto suspect = waiting.take();
    co_await nars_.look_again(std::move(suspect.url), suspect.published);
  }

  bool is_due(const db::NarEntry& row) const {
    return !options_.not_verified_since || !row.verified ||
           *row.verified < *options_.not_verified_since;
  }

  static void count(Count& count, std::uint64_t bytes) {
    ++count.number;
    count.bytes += bytes;
  }

  FsckSummary& summary() { return report_.summary(); }

  void tell() {
    auto now = Clock::now();
    if (now < next_told_) return;
    next_told_ = now + std::chrono::milliseconds(100);
    progress_(summary());
  }

  const FsckDeps deps_;
  const FsckOptions options_;
  const std::function<void(const FsckSummary&)> progress_;
  Clock::time_point next_told_{};
  FsckReport report_;
  FsckPins pins_{deps_, options_, report_};
  FsckNarInfos narinfos_{deps_, options_, report_};
  FsckObjects objects_{deps_, options_, report_};
  FsckNars nars_{deps_, options_, report_};
};

}  // namespace

Task<FsckSummary> fsck(FsckDeps deps, FsckOptions options,
                       std::function<void(const FsckSummary&)> progress) {
  Fsck all(deps, std::move(options), std::move(progress));
  CO_TRY(co_await all.pins());  // first: what they keep is not to go when it counts again
  CO_TRY(co_await all.narinfos());
  CO_TRY(co_await all.objects());
  CO_TRY(co_await all.nars());
  // At the end: what a store removes when it is opened may go behind the scenes.
  CO_TRY(co_await all.leftovers());
  co_return all.take_summary();
}

}  // namespace ncps::cache
