#include "cache/fsck_narinfos.h"

#include "cache/at_once.h"
#include "cache/fsck_look.h"
#include "cache/judge_kept.h"
#include "cache/nar_layout.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kAtOnce = 16;

bool mends(const FsckOptions& options) {
  return options.changes == Changes::all;
}

}  // namespace

Task<FsckNarInfos::Worth> FsckNarInfos::judge(const std::string& name,
                                              std::optional<std::string> text,
                                              std::optional<SentBy> sent_by) const {
  using How = Worth::How;
  if (!text) co_return Worth{};
  auto hash = nix::StorePathHash::parse(name);
  if (!hash) co_return Worth{How::corrupt, "its name is no hash of a store path", std::move(text)};
  UploadMarks marks(deps_.store);
  auto judged = sent_by ? co_await deps_.judge.judge(*hash, *text, *sent_by)
                        : co_await judge_kept(deps_.judge, marks, *hash, *text);
  if (!judged && judged.error().kind() != ErrorKind::corrupt)
    co_return std::unexpected(std::move(judged).error());
  if (!judged) co_return Worth{How::corrupt, judged.error().what(), std::move(text)};
  auto how = judged->accepted ? How::good : How::not_trusted;
  co_return Worth{how, judged->why_not, std::move(text)};
}

Task<FsckNarInfos::Seen> FsckNarInfos::see(const std::string& name) const {
  Seen seen;
  if (auto hash = nix::StorePathHash::parse(name)) {
    auto key = narinfo_key(*hash);
    CO_TRY(auto text, co_await deps_.store.find_text(key));
    CO_TRY(seen.file, co_await judge(name, std::move(text)));
  }
  // As the server judges it.
  CO_TRY(auto row, co_await deps_.inventory.find_text(name));
  if (row) {
    auto sent_by = row->uploaded ? SentBy::client : SentBy::upstream;
    CO_TRY(seen.row, co_await judge(name, std::move(row->text), sent_by));
    seen.row.uploaded = row->uploaded;
  }
  co_return seen;
}

boost::asio::awaitable<void> FsckNarInfos::look_again(std::string name) {
  auto done = co_await look(name);
  if (!done) report_.unchecked(name, done.error());
  if (waiting_.size() >= kRows) co_await make_rows();
}

Task<void> FsckNarInfos::look(const std::string& name) {
  CO_TRY(auto row, co_await deps_.inventory.find_narinfo(name));
  CO_TRY(auto seen, co_await see(name));
  bool lies = seen.file.how != Worth::How::none;
  auto flaw = look_at_narinfo(lies, row ? &*row : nullptr);
  if (!flaw) co_return Result<void>();
  if (*flaw == Flaw::narinfo_without_file) {
    report_.found(*flaw, name, seen.row.why);
    co_return co_await file_from_row(name, seen, *flaw);
  }
  if (seen.file.how != Worth::How::good) co_return co_await weigh(name, std::move(seen));
  report_.found(*flaw, name);
  wait_for_row(name, *flaw);
  co_return Result<void>();
}

boost::asio::awaitable<void> FsckNarInfos::read(std::vector<std::string> names) {
  std::vector<Seen> all(names.size());
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited while it lives
  auto one = [&](std::size_t i) -> boost::asio::awaitable<void> {
    auto seen = co_await see(names[i]);
    if (seen) {
      all[i] = *std::move(seen);
    } else {
      all[i].error = std::move(seen).error();
    }
  };
  co_await at_once(deps_.runtime, kAtOnce, names.size(), one);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (all[i].error) {
      report_.unchecked(names[i], *all[i].error);
      continue;
    }
    bool good = all[i].file.how == Worth::How::good &&
                (all[i].row.how == Worth::How::good || all[i].row.how == Worth::How::none);
    if (good) continue;
    // Once more: it may have been written just then.
    auto again = co_await see(names[i]);
    auto done = again ? co_await weigh(names[i], *std::move(again))
                      : Result<void>(std::unexpected(again.error()));
    if (!done) report_.unchecked(names[i], done.error());
  }
  if (waiting_.size() >= kRows) co_await make_rows();
}

// What the texts of a narinfo are worth, one of which is not good.
Task<void> FsckNarInfos::weigh(const std::string& name, Seen seen) {
  using How = Worth::How;
  if (seen.file.how == How::none) co_return Result<void>();  // removed meanwhile
  bool row_good = seen.row.how == How::good;
  if (seen.file.how == How::not_trusted) {
    report_.found(Flaw::narinfo_not_trusted, name, seen.file.why);
    if (row_good) co_return co_await file_from_row(name, seen, Flaw::narinfo_not_trusted);
    co_return Result<void>();  // the keys may come back: it stays
  }
  if (seen.file.how == How::corrupt) {
    report_.found(Flaw::narinfo_corrupt, name, seen.file.why);
    if (row_good) co_return co_await file_from_row(name, seen, Flaw::narinfo_corrupt);
    if (!mends(options_)) co_return Result<void>();
    CO_TRY(co_await remove_file(name));
    if (seen.row.how != How::not_trusted)
      CO_TRY(co_await deps_.inventory.remove_narinfo(name, seen.row.text));
    report_.mended(Flaw::narinfo_corrupt);
    co_return Result<void>();
  }
  if (row_good || seen.row.how == How::none) co_return Result<void>();
  report_.found(Flaw::narinfo_corrupt, name, "its row: " + seen.row.why);
  if (mends(options_)) {
    CO_TRY(co_await deps_.inventory.remove_narinfo(name, seen.row.text));
    wait_for_row(name, Flaw::narinfo_corrupt);
  }
  co_return Result<void>();
}

// The file that the row's text makes. A row without a text that is good leads to nothing.
Task<void> FsckNarInfos::file_from_row(const std::string& name, const Seen& seen, Flaw flaw) {
  using How = Worth::How;
  if (!mends(options_) || seen.row.how == How::not_trusted) co_return Result<void>();
  if (seen.row.how == How::good) {
    CO_TRY(co_await write_file(seen.row));
  } else {
    CO_TRY(co_await deps_.inventory.remove_narinfo(name, seen.row.text));
  }
  report_.mended(flaw);
  co_return Result<void>();
}

// An upload's mark first: without it the file would be taken for an upstream's.
Task<void> FsckNarInfos::write_file(const Worth& row) {
  CO_TRY(auto info, nix::parse_nar_info(*row.text));
  auto key = narinfo_key(info.store_path.hash());
  UploadMarks marks(deps_.store);
  if (row.uploaded) CO_TRY(co_await marks.put(std::move(info)));
  auto text = *row.text;
  co_return co_await deps_.store.put_text(key, std::move(text), storage::IfExists::replace);
}

Task<void> FsckNarInfos::remove_file(const std::string& name) {
  CO_TRY(auto hash, nix::StorePathHash::parse(name));
  auto key = narinfo_key(hash);
  co_return co_await deps_.store.remove(key);
}

void FsckNarInfos::wait_for_row(const std::string& name, Flaw flaw) {
  if (mends(options_)) waiting_.push_back({name, flaw});
}

boost::asio::awaitable<void> FsckNarInfos::make_rows() {
  auto waiting = std::exchange(waiting_, {});
  if (waiting.empty() || deps_.import == nullptr) co_return;
  std::vector<std::string> names;
  names.reserve(waiting.size());
  for (const auto& one : waiting) names.push_back(one.name);
  AdoptionDeps deps{.runtime = deps_.runtime,
                    .store = deps_.store,
                    .catalog = *deps_.import,
                    .judge = deps_.judge,
                    .database = nullptr};
  auto adopted = co_await adopt_files(deps, std::move(names));
  for (const auto& one : waiting) {
    if (!adopted) {
      report_.unchecked(one.name, adopted.error());
      continue;
    }
    auto row = co_await deps_.inventory.find_narinfo(one.name);
    if (!row) report_.unchecked(one.name, row.error());
    if (row && *row && (*row)->nar_url) report_.mended(one.flaw);
  }
}

}  // namespace ncps::cache
