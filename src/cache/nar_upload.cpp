#include "cache/nar_upload.h"

#include "cache/feed.h"
#include "cache/nar_check.h"
#include "cache/nar_layout.h"
#include "cache/room.h"
#include "cache/upload_rules.h"
#include "crypto/sha256.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

constexpr auto kTurnTime = std::chrono::seconds(60);     // until an upload may begin
constexpr auto kLockTime = std::chrono::minutes(5);      // of others under the same name
constexpr auto kCompareTime = std::chrono::minutes(10);  // reading what is at rest

// What is under that URL already, and of another NAR; absent: nothing stands against it.
std::optional<UploadAnswer> taken(const std::optional<db::NarRow>& row, const NarFacts& facts,
                                  nix::Compression compression) {
  if (!row) return std::nullopt;
  if (row->nar_hash != facts.nar_hash)
    return refuse(Verdict::conflict, "that name is announced for another NAR, " +
                                         row->nar_hash.str() + "; this one is " +
                                         facts.nar_hash.str());
  auto kept = expected_of(*row);
  if (kept.compression != compression)
    return refuse(Verdict::conflict, "that name is announced with another compression, " +
                                         std::string(nix::to_string(kept.compression)));
  if (!row->upstream.empty() && kept.file_hash && kept.file_hash != facts.file_hash)
    return refuse(Verdict::conflict,
                  "that name is announced for another file of that NAR, which is fetched again "
                  "when somebody asks for it");
  return std::nullopt;
}

}  // namespace

// One body on its way in.
class NarUploads::Intake {
 public:
  Intake(NarUploadDeps& deps, const nix::NarUrl& url, std::uint64_t most,
         std::optional<std::uint64_t> length = {})
      : deps_(deps), url_(url), most_(most), length_(length) {}

  // `piece`: of the body, its first. Into `blob`. Answers and Errors as NarUploads::put.
  Task<UploadAnswer> run(Piece piece, ByteSource& body, storage::StagedBlob& blob) {
    while (piece_size(piece) > 0) {
      auto bytes = std::get<std::string_view>(piece);
      if (bytes.size() > most_ - size_)
        co_return refuse(Verdict::too_large, "more than " + std::to_string(most_) + " bytes");
      size_ += bytes.size();
      deps_.received.add(bytes.size());
      auto still_to_come = length_ && *length_ > size_ ? *length_ - size_ : 0;
      auto& file = blob.file();
      CO_TRY(co_await append_in_room(file, bytes, still_to_come, deps_.disk, deps_.space));
      blob.grown();
      while (!bytes.empty()) {
        auto work = [&] { return look(bytes); };
        auto taken = co_await offload(deps_.cpu, std::move(work));
        if (!taken) co_return refused(std::move(taken).error());
        bytes.remove_prefix(*taken);
      }
      CO_TRY(piece, co_await body.next());
    }
    auto work = [&] { return finish(); };
    auto finished = co_await offload(deps_.cpu, std::move(work));
    if (!finished) co_return refused(std::move(finished).error());
    co_return UploadAnswer{};
  }

  // Blocking, for the CPU pool; one turn of it. How many bytes it has taken. The compression is known as
  // soon as some are here. Errors: corrupt.
  Result<std::size_t> look(std::string_view bytes) {
    if (verifier_) return verifier_->feed_some(bytes);
    auto first = bytes.substr(0, kSniffed - head_.size());
    head_ += first;
    if (head_.size() == kSniffed) TRY(begin());
    return first.size();
  }

  Result<void> finish() {
    if (!verifier_) TRY(begin());
    TRY(facts_, verifier_->finish());
    verifier_.reset();  // its memory
    if (auto why = misnamed(url_, *facts_)) return fail(ErrorKind::corrupt, *why);
    return {};
  }

  NarFacts facts() const { return *facts_; }
  nix::Compression compression() const { return compression_; }

 private:
  static Result<UploadAnswer> refused(Error error) {
    if (error.retryable() || error.kind() == ErrorKind::internal)
      return std::unexpected(std::move(error));
    return refuse(Verdict::unfit, error.what());
  }

  Result<void> begin() {
    compression_ = url_.likely_compression();
    if (compression_ == nix::Compression::none) {
      auto seen = sniff(head_);
      if (!seen) return fail(ErrorKind::corrupt, "neither a NAR nor compressed in any known way");
      compression_ = *seen;
    }
    auto verifier = NarVerifier::for_unknown(compression_, kMostNarBytes);
    if (!verifier) return std::unexpected(std::move(verifier).error());
    verifier_.emplace(std::move(*verifier));
    return verifier_->feed(std::exchange(head_, {}));
  }

  NarUploadDeps& deps_;
  const nix::NarUrl& url_;
  const std::uint64_t most_;
  const std::optional<std::uint64_t> length_;  // of the body, if the client says it
  std::uint64_t size_ = 0;
  std::string head_;
  nix::Compression compression_ = nix::Compression::none;
  std::optional<NarVerifier> verifier_;
  std::optional<NarFacts> facts_;
};

Task<UploadAnswer> NarUploads::put(nix::NarUrl url, ByteSource& body, std::uint64_t most,
                                   std::optional<std::uint64_t> length, std::string from) {
  trace::Span span("cache.put_nar");
  if (deps_.space != nullptr) {
    CO_TRY(auto largest, co_await deps_.space->largest());
    most = std::min(most, largest);
  }
  if (length && *length > most)
    co_return refuse(Verdict::too_large,
                     "more than can be kept here, " + std::to_string(most) + " bytes");
  CO_TRY(auto first, co_await body.next());  // who sends nothing takes no place
  auto place = co_await slots_.take(Deadline::after(kTurnTime), std::move(from));
  if (!place && place.error().kind() == ErrorKind::timeout)
    co_return refuse(Verdict::busy, "too many uploads at once; send it again in a while");
  if (!place) co_return std::unexpected(std::move(place).error());
  std::optional<Slots::Slot> slot(std::move(*place));
  auto key = nar_key(url);
  // Also where one is at rest: that may be damaged.
  CO_TRY(auto blob, co_await deps_.store.stage(key));
  Intake intake(deps_, url, most, length);
  auto answer = co_await intake.run(first, body, *blob);
  slot.reset();  // who waits for a lock below has no place that the lock's holder may need
  if (!answer && is_no_room(answer.error()))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (!answer || answer->verdict != Verdict::kept) co_return std::move(answer);
  Arrived arrived{
      .facts = intake.facts(), .compression = intake.compression(), .blob = std::move(blob)};
  co_return co_await keep(url, std::move(arrived));
}

Task<UploadAnswer> NarUploads::keep(const nix::NarUrl& url, Arrived arrived) {
  CO_TRY(auto held, co_await deps_.locks.nars.take(url, Deadline::after(kLockTime)));
  CO_TRY(auto before, co_await deps_.catalog.find_nar(url));
  if (auto conflict = taken(before, arrived.facts, arrived.compression))
    co_return std::move(*conflict);  // and a download that is under way goes on
  // Nor a download: it may bring another packing of the same NAR.
  CO_TRY(auto alone, co_await deps_.downloads.exclude(url, Deadline::after(kLockTime)));
  CO_TRY(auto row, co_await deps_.catalog.find_nar(url));
  if (auto conflict = taken(row, arrived.facts, arrived.compression))
    co_return std::move(*conflict);
  auto key = nar_key(url);
  CO_TRY(auto at_rest, co_await deps_.store.open(key));
  if (at_rest) {
    CO_TRY(auto answer, co_await compare(url, *at_rest, row, arrived));
    if (answer) co_return std::move(*answer);
    CO_TRY(co_await deps_.store.remove(key));
    if (deps_.space != nullptr) deps_.space->freed(at_rest->size());
    at_rest.reset();
  }
  auto size = arrived.facts.file_size;
  if (deps_.space != nullptr && !co_await deps_.space->reserve(size))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  auto published = co_await publish_reserved(*arrived.blob, size, deps_.space);
  if (!published && is_no_room(published.error()))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (!published) co_return std::unexpected(std::move(published).error());
  auto indexed = co_await index(url, arrived.facts, arrived.compression);
  if (deps_.space != nullptr) deps_.space->keep(size);  // not before a count would find its row
  CO_TRY(std::move(indexed));
  deps_.downloads.doubtful().take(url);
  co_return UploadAnswer{};
}

// One URL is one object for ever: another packing of the same NAR is another object.
Task<std::optional<UploadAnswer>> NarUploads::compare(const nix::NarUrl& url, storage::Blob& blob,
                                                      const std::optional<db::NarRow>& row,
                                                      const Arrived& arrived) {
  crypto::Sha256 sha;
  auto update = [&](std::string_view part) -> Result<void> {
    sha.update(part);
    return {};
  };
  auto source = blob.read(0, blob.size());
  CO_TRY(co_await feed(*source, deps_.cpu, Deadline::after(kCompareTime), update));
  const auto& right = arrived.facts.file_hash;
  bool same = nix::Hash(sha.finish()) == right;
  if (!same && row && expected_of(*row).file_hash == right) co_return std::nullopt;
  if (!same) co_return refuse(Verdict::conflict, "another file lies here under that name");
  CO_TRY(co_await index(url, arrived.facts, arrived.compression));
  // Another instance may have evicted it before the row said that it was used.
  auto key = nar_key(url);
  CO_TRY(auto still, co_await deps_.store.find(key));
  if (!still) co_return std::nullopt;
  co_return refuse(Verdict::here, {});
}

Task<db::NarRow> NarUploads::index(const nix::NarUrl& url, const NarFacts& facts,
                                   nix::Compression compression) {
  CO_TRY(auto row, co_await deps_.catalog.find_nar(url));
  db::NarRow nar{.url = url,
                 .nar_hash = facts.nar_hash,
                 .nar_size = facts.nar_size,
                 .compression = compression,
                 .file_hash = facts.file_hash,
                 .file_size = facts.file_size,
                 .upstream = {},
                 .upstream_url = url.str(),
                 .stored_size = facts.file_size};
  // What an upstream has without compression is described as the upstream has it.
  if (row && row->compression != compression) {
    nar = std::move(*row);
    nar.stored_size = facts.file_size;
  }
  CO_TRY(co_await deps_.catalog.uploads().put_nar(nar));
  co_return nar;
}

Task<NarFacts> NarUploads::facts_of(const nix::NarUrl& url, storage::Blob& blob,
                                    nix::Compression& compression, Deadline deadline) {
  CO_TRY(auto slot, co_await slots_.take(deadline));
  Intake intake(deps_, url, blob.size());
  auto look = [&](std::string_view part) { return intake.look(part); };
  auto source = blob.read(0, blob.size());
  auto fed = co_await feed_in_turns(*source, deps_.cpu, deadline, look);
  if (fed) {
    auto work = [&] { return intake.finish(); };
    fed = co_await offload(deps_.cpu, std::move(work));
  }
  if (!fed)
    co_return std::unexpected(std::move(fed).error().while_doing("what lies here as " + url.str()));
  compression = intake.compression();
  co_return intake.facts();
}

Task<std::optional<KnownNar>> NarUploads::find(nix::NarUrl url, Deadline deadline) {
  auto key = nar_key(url);
  CO_TRY(auto blob, co_await deps_.store.open(key));
  if (!blob) co_return std::nullopt;
  auto size = blob->size();
  CO_TRY(auto row, co_await deps_.catalog.find_nar(url));
  if (!row) {
    auto compression = nix::Compression::none;
    CO_TRY(auto facts, co_await facts_of(url, *blob, compression, deadline));
    CO_TRY(row, co_await index(url, facts, compression));
    CO_TRY(auto still, co_await deps_.store.find(key));  // another instance may have evicted it
    if (!still) co_return std::nullopt;
  }
  auto kept_as = expected_of(*row).compression;
  co_return KnownNar{.row = std::move(*row), .kept_as = kept_as, .size = size};
}

}  // namespace ncps::cache
