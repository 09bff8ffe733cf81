#include "cache/nar_check.h"

#include <algorithm>

#include "cache/feed.h"
#include "cache/nar_info_rendering.h"
#include "cache/nar_info_service.h"
#include "cache/nar_layout.h"
#include "cache/upload_marks.h"
#include "db/upload_rows.h"
#include "rt/signal.h"

namespace ncps::cache {
namespace {

constexpr std::uint64_t kStretch = 1 << 20;  // between two pauses, and two looks whether to stop

// One look at all bytes. On S3 each stretch would be a request of its own, so a source is read to
// its end.
Task<NarFacts> read_once(Pool& cpu, storage::Blob& blob, NarVerifier verifier, Pace& pace,
                         const std::atomic<bool>& stop) {
  auto source = blob.read(0, blob.size());
  std::uint64_t got = 0;
  for (;;) {
    CO_TRY(auto piece, co_await source->next());
    auto left = piece_size(piece);
    if (left == 0) break;
    got += left;
    for (std::uint64_t done = 0; left > 0;) {
      if (stop) co_return fail(ErrorKind::unavailable, "stopped before its end");
      auto take = [&](std::string_view part) { return verifier.feed_some(part); };
      CO_TRY(auto taken, co_await feed_turn(piece, done, std::min(kStretch, left), cpu, take));
      done += taken;
      left -= taken;
      auto pause = pace.pause_after(taken, std::chrono::steady_clock::now());
      if (pause.count() > 0) co_await sleep_for(pause);
    }
  }
  if (got != blob.size()) co_return fail(ErrorKind::unavailable, "the store gave fewer bytes");
  auto finish = [&] { return verifier.finish(); };
  co_return co_await offload(cpu, std::move(finish));
}

// The second look goes by what is signed alone.
Result<NarVerifier> verifier_for(const nix::NarUrl& url, const std::optional<db::NarRow>& row,
                                 bool again) {
  if (!row) {
    auto hash = url.hash_in_name();
    if (!hash) return NarVerifier::for_unknown(url.likely_compression());
    return NarVerifier::make({.compression = url.likely_compression(), .either_hash = hash});
  }
  auto expected = expected_of(*row);
  if (again) {
    expected.file_hash.reset();
    expected.file_size.reset();
  }
  return NarVerifier::make(expected);
}

constexpr auto kLockTime = std::chrono::seconds(60);  // of uploads under the same name

// The narinfos of it that a client sent. The others lead to where it can be had again.
Task<std::vector<nix::StorePathHash>> uploaded_narinfos(db::Catalog& catalog, nix::NarUrl url) {
  std::vector<nix::StorePathHash> uploaded;
  CO_TRY(auto hashes, co_await catalog.uploads().narinfos_of(url));
  for (const auto& hash : hashes) {
    CO_TRY(auto row, co_await catalog.find_narinfo(hash));
    if (row && row->uploaded && row->nar_url == url) uploaded.push_back(hash);
  }
  co_return uploaded;
}

// Files before rows, as Removal: what was interrupted is found again.
Task<void> withdraw_narinfo(NarCheckDeps deps, nix::StorePathHash hash) {
  auto key = narinfo_key(hash);
  CO_TRY(co_await deps.store.remove(key));
  CO_TRY(co_await UploadMarks(deps.store).remove(hash));
  CO_TRY(co_await deps.catalog->uploads().remove_narinfo(hash));
  if (deps.forget) deps.forget(hash);
  co_return Result<void>();
}

// REQUIRES: it is not at rest. One that has been sent anew stays, with its narinfos.
Task<void> withdraw(NarCheckDeps deps, nix::NarUrl url) {
  if (deps.catalog == nullptr) co_return Result<void>();
  auto deadline = Deadline::after(kLockTime);
  CO_TRY(auto row, co_await deps.catalog->find_nar(url));
  if (!row || !row->upstream.empty()) co_return Result<void>();
  for (;;) {
    CO_TRY(auto hashes, co_await uploaded_narinfos(*deps.catalog, url));
    if (hashes.empty()) co_return Result<void>();
    // One by one, each before its NAR's, as uploads take them.
    for (const auto& hash : hashes) {
      std::optional<KeyLocks<nix::StorePathHash>::Held> narinfo_held;
      std::optional<KeyLocks<nix::NarUrl>::Held> nar_held;
      if (deps.locks != nullptr) {
        CO_TRY(auto narinfo, co_await deps.locks->narinfos.take(hash, deadline));
        narinfo_held.emplace(std::move(narinfo));
        CO_TRY(auto nar, co_await deps.locks->nars.take(url, deadline));
        nar_held.emplace(std::move(nar));
      }
      // Who is looking for it may have found it before, and would write it back.
      std::optional<NarInfoService::Hold> alone;
      if (deps.narinfos != nullptr) {
        CO_TRY(auto hold, co_await deps.narinfos->hold(hash, deadline));
        alone.emplace(std::move(hold));
      }
      auto key = nar_key(url);
      CO_TRY(auto at_rest, co_await deps.store.find(key));
      if (at_rest) co_return Result<void>();
      CO_TRY(auto now, co_await deps.catalog->find_narinfo(hash));
      if (!now || !now->uploaded || now->nar_url != url) continue;  // of another NAR meanwhile
      CO_TRY(co_await withdraw_narinfo(deps, hash));
    }
  }
}

// As the store lists it: its size, and when it was published. nullopt: it is not there.
Task<std::optional<storage::BlobEntry>> listed(storage::BlobStore& store,
                                               const storage::BlobKey& key) {
  const auto& name = key.str();
  CO_TRY(auto folder, storage::BlobKey::parse(name.substr(0, name.rfind('/'))));
  // Of all names that come before it the last that begins like it.
  CO_TRY(auto page, co_await store.list(std::move(folder), name.substr(0, name.size() - 1)));
  auto it = std::ranges::find(page, key, &storage::BlobEntry::key);
  co_return it == page.end() ? std::nullopt : std::optional(std::move(*it));
}

bool same(const storage::BlobEntry& a, const storage::BlobEntry& b) {
  return a.size == b.size && a.modified == b.modified;
}

}  // namespace

NarExpectation expected_of(const db::NarRow& row) {
  NarExpectation expected{.compression = row.compression,
                          .file_hash = row.file_hash,
                          .file_size = row.file_size,
                          .nar_hash = row.nar_hash,
                          .nar_size = row.nar_size,
                          .either_hash = {}};
  if (compressed_by_us(row.compression, row.nar_hash, row.url)) {
    expected.compression = nix::Compression::zstd;
    expected.file_hash.reset();
    expected.file_size.reset();
  }
  return expected;
}

std::optional<std::uint64_t> expected_size(const db::NarRow& row) {
  auto expected = expected_of(row);
  if (expected.compression == nix::Compression::none) return expected.nar_size;
  return expected.file_size;
}

std::chrono::nanoseconds Pace::pause_after(std::uint64_t bytes,
                                           std::chrono::steady_clock::time_point now) {
  if (rate_ == 0) return {};
  // Time that was not used is not saved up.
  auto seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  auto lasts =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
  next_ = std::max(next_, now) + lasts;
  return next_ - now;
}

Task<NarVerdict> check_nar(NarCheckDeps deps, nix::NarUrl url, std::optional<db::NarRow> row,
                           Pace& pace, const std::atomic<bool>& stop) {
  using How = NarVerdict::How;
  auto key = nar_key(url);
  NarVerdict verdict{.how = How::absent, .why = {}, .facts = {}};
  for (bool again : {false, true}) {
    if (again) {
      CO_TRY(verdict.read, co_await listed(deps.store, key));
    }
    CO_TRY(auto blob, co_await deps.store.open(key));
    if (!blob) {
      verdict.how = How::absent;
      co_return verdict;
    }
    CO_TRY(auto verifier, verifier_for(url, row, again));
    auto facts = co_await read_once(deps.cpu, *blob, std::move(verifier), pace, stop);
    verdict.bytes += blob->size();
    if (facts) {
      verdict.how = How::right;
      verdict.facts = *std::move(facts);
      co_return verdict;
    }
    if (facts.error().kind() != ErrorKind::corrupt)
      co_return std::unexpected(std::move(facts).error());
    verdict.how = How::corrupt;
    verdict.why = facts.error().what();
  }
  co_return verdict;
}

// Noted first: what a server publishes after that is noted after that, too.
Task<bool> discard_nar(NarCheckDeps deps, nix::NarUrl url, std::optional<storage::BlobEntry> read) {
  auto key = nar_key(url);
  {
    // Or an upload may put the right one there between our look and our removal.
    std::optional<KeyLocks<nix::NarUrl>::Held> held;
    if (deps.locks != nullptr) {
      CO_TRY(auto taken, co_await deps.locks->nars.take(url, Deadline::after(kLockTime)));
      held.emplace(std::move(taken));
    }
    CO_TRY(auto now, co_await listed(deps.store, key));
    if (!read || !now || !same(*read, *now)) co_return false;
    CO_TRY(co_await deps.inventory.mark_gone(url));
    auto removed = co_await deps.store.remove(key);
    if (!removed) {
      // It is served still, so it is still here: for the next look.
      CO_TRY(co_await deps.inventory.mark_stored(url, now->size));
      co_return std::unexpected(std::move(removed).error());
    }
  }
  CO_TRY(co_await withdraw(deps, url));
  co_return true;
}

Task<bool> note_absent(NarCheckDeps deps, nix::NarUrl url) {
  auto key = nar_key(url);
  CO_TRY(co_await deps.store.check());  // of a store that went, everything is absent
  CO_TRY(co_await deps.inventory.mark_gone(url));
  // Published meanwhile, and noted before we noted the opposite.
  CO_TRY(auto blob, co_await deps.store.open(key));
  if (blob) {
    CO_TRY(co_await deps.inventory.mark_stored(url, blob->size()));
    co_return false;
  }
  CO_TRY(co_await withdraw(deps, url));
  co_return true;
}

Task<bool> is_promised_upload(NarCheckDeps deps, nix::NarUrl url) {
  if (deps.catalog == nullptr) co_return false;
  CO_TRY(auto row, co_await deps.catalog->find_nar(url));
  if (!row || !row->upstream.empty()) co_return false;
  CO_TRY(auto hashes, co_await uploaded_narinfos(*deps.catalog, url));
  co_return !hashes.empty();
}

}  // namespace ncps::cache
