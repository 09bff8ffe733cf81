#include "cache/fsck_nars.h"

#include "cache/at_once.h"
#include "cache/nar_layout.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kAtOnce = 4;  // NARs that are read

db::Time now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Task<std::optional<Lying>> FsckNars::lying(const nix::NarUrl& url, db::Time published) const {
  auto key = nar_key(url);
  CO_TRY(auto blob, co_await deps_.store.open(key));
  if (!blob) co_return std::nullopt;
  co_return Lying{.size = blob->size(), .published = published};
}

Task<NarVerdict> FsckNars::check(const nix::NarUrl& url, std::optional<db::NarRow> row) {
  Pace pace;
  co_return co_await check_nar(check_deps(), url, std::move(row), pace, never_stopped_);
}

boost::asio::awaitable<void> FsckNars::look_again(nix::NarUrl url, db::Time published) {
  auto done = co_await look(url, published);
  if (!done) report_.unchecked(url.str(), done.error());
}

Task<void> FsckNars::look(const nix::NarUrl& url, db::Time published) {
  CO_TRY(auto row, co_await deps_.inventory.find_nar(url));
  CO_TRY(auto lies, co_await lying(url, published));
  auto flaw = look_at_nar(lies, row ? &*row : nullptr, options_.grace_from);
  if (!flaw && may_be_lost_upload(lies, row ? &*row : nullptr)) {
    CO_TRY(bool promised, co_await is_promised_upload(check_deps(), url));
    if (promised) flaw = Flaw::nar_absent;
  }
  if (!flaw) co_return Result<void>();
  if (*flaw == Flaw::nar_absent) {
    report_.found(*flaw, url.str());
    co_return co_await mend_absent(url);
  }
  if (*flaw == Flaw::nar_without_row) {
    report_.found(*flaw, url.str());
    co_return co_await mend_without_row(url, *lies);
  }
  co_return co_await mend_note(*lies, *row, *flaw);
}

Task<void> FsckNars::mend_absent(const nix::NarUrl& url) {
  if (!mends()) co_return Result<void>();
  CO_TRY(co_await note_absent(check_deps(), url));
  report_.mended(Flaw::nar_absent);
  co_return Result<void>();
}

// At rest, and the row does not say so, or says another size.
Task<void> FsckNars::mend_note(const Lying& lying, const db::NarEntry& row, Flaw flaw) {
  const auto& url = row.row.url;
  bool read = options_.verify_content || (mends() && bytes_must_tell(flaw, lying, row));
  if (!read) {
    report_.found(flaw, url.str());
    if (!mends()) co_return Result<void>();
    CO_TRY(co_await deps_.inventory.mark_stored(url, lying.size));
    report_.mended(flaw);
    co_return Result<void>();
  }
  CO_TRY(auto verdict, co_await check(url, row.row));
  if (verdict.how == NarVerdict::How::absent) co_return Result<void>();
  if (verdict.how == NarVerdict::How::corrupt) {
    report_.found(Flaw::nar_corrupt, url.str(), verdict.why);
    co_return co_await discard(url, Flaw::nar_corrupt, std::move(verdict.read));
  }
  report_.found(flaw, url.str());
  if (mends()) {
    CO_TRY(co_await deps_.inventory.mark_stored(url, verdict.facts->file_size));
    report_.mended(flaw);
  }
  co_await right(url, verdict.facts->file_size);
  co_return Result<void>();
}

Task<void> FsckNars::mend_without_row(const nix::NarUrl& url, const Lying& lying) {
  if (!mends()) co_return Result<void>();
  CO_TRY(auto verdict, co_await check(url, std::nullopt));
  if (verdict.how == NarVerdict::How::absent) co_return Result<void>();
  if (verdict.how == NarVerdict::How::corrupt) {
    // Its name says what it should be, or nobody knows: that may be removed by hand.
    if (url.hash_in_name())
      co_return co_await discard(url, Flaw::nar_without_row, std::move(verdict.read));
    co_return fail(ErrorKind::invalid,
                   "is no NAR, and nothing says what it should be: " + verdict.why);
  }
  const auto& facts = *verdict.facts;
  db::NarRow row{.url = url,
                 .nar_hash = facts.nar_hash,
                 .nar_size = facts.nar_size,
                 .compression = url.likely_compression(),
                 .file_hash = facts.file_hash,
                 .file_size = facts.file_size,
                 .upstream = "",
                 .upstream_url = url.str(),
                 .stored_size = lying.size};
  CO_TRY(co_await deps_.inventory.add_nar(std::move(row)));
  report_.mended(Flaw::nar_without_row);
  co_await right(url, facts.file_size);
  co_return Result<void>();
}

Task<void> FsckNars::discard(const nix::NarUrl& url, Flaw flaw,
                             std::optional<storage::BlobEntry> read) {
  if (!mends()) co_return Result<void>();
  CO_TRY(bool gone, co_await discard_nar(check_deps(), url, std::move(read)));
  if (!gone) co_return fail(ErrorKind::unavailable, "has come anew since it was read");
  report_.mended(flaw);
  co_return Result<void>();
}

boost::asio::awaitable<void> FsckNars::read(std::vector<db::NarRow> rows) {
  std::vector<Checked> all(rows.size());
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited while it lives
  auto one = [&](std::size_t i) -> boost::asio::awaitable<void> {
    auto verdict = co_await check(rows[i].url, rows[i]);
    if (verdict) {
      all[i].verdict = *std::move(verdict);
    } else {
      all[i].error = std::move(verdict).error();
    }
  };
  co_await at_once(deps_.runtime, kAtOnce, rows.size(), one);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto done = co_await judge(rows[i], std::move(all[i]));
    if (!done) report_.unchecked(rows[i].url.str(), done.error());
  }
}

Task<void> FsckNars::judge(const db::NarRow& row, Checked checked) {
  using How = NarVerdict::How;
  if (checked.error) co_return std::unexpected(*std::move(checked.error));
  auto& verdict = *checked.verdict;
  if (verdict.how == How::right) co_await right(row.url, verdict.facts->file_size);
  if (verdict.how != How::corrupt) co_return Result<void>();  // one that went: the next run's
  report_.found(Flaw::nar_corrupt, row.url.str(), verdict.why);
  co_return co_await discard(row.url, Flaw::nar_corrupt, std::move(verdict.read));
}

boost::asio::awaitable<void> FsckNars::right(nix::NarUrl url, std::uint64_t bytes) {
  auto& verified = report_.summary().verified;
  ++verified.number;
  verified.bytes += bytes;
  if (!options_.note_verified) co_return;
  verified_.push_back(std::move(url));
  if (verified_.size() == db::Inventory::kPage) co_await note_verified();
}

// What cannot be written down is read again another time.
boost::asio::awaitable<void> FsckNars::note_verified() {
  auto urls = std::exchange(verified_, {});
  if (urls.empty()) co_return;
  auto noted = co_await deps_.inventory.mark_verified(std::move(urls), now());
  if (!noted) report_.unchecked("what was verified", noted.error());
}

}  // namespace ncps::cache
