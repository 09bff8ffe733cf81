#include "cache/adoption.h"

#include <algorithm>
#include <atomic>
#include <span>

#include "cache/judge_kept.h"
#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
#include "cache/nar_places.h"
#include "rt/task_group.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kAtOnce = 16;  // narinfos that are read, judged and written as files
constexpr std::size_t kRows = 200;   // in a transaction, each with some round trips

storage::BlobKey folder(std::string_view key) {
  return storage::BlobKey::parse(key).value();
}

// A narinfo that may be adopted.
struct Candidate {
  std::string hash;
  std::uint64_t file_size = 0;      // of its file, where that was seen in a list
  const db::GoNarInfo* known = {};  // what the database says; nullptr: there is only a file
};

// What became of it before anything is written.
struct Verdict {
  std::optional<db::ImportRow> row;  // absent: not adopted
  std::string refused, detail;       // why not, by the kind of reason; empty: there was nothing
  bool put_text = false;             // the store has no file of it, or a bad one
  bool at_rest = false, damaged = false, in_chunks = false;
  bool redescribed = false;
  std::optional<Error> error;  // could not find out
};

// A narinfo, and the description of its NAR that fits what is at rest.
struct Adopted {
  nix::NarInfo info;
  std::string text;
  bool from_file;
  SentBy sent_by;
};

// Stands for a name in a large set. That two have the same mark is so unlikely that it may happen: a
// number in the summary would be wrong by one, or a narinfo would wait until somebody asks for it.
std::uint64_t mark_of(std::string_view name) {
  return std::hash<std::string_view>{}(name);
}

class Adopter {
 public:
  Adopter(AdoptionDeps deps, Changes changes, std::function<void(const AdoptionSummary&)> progress)
      : deps_(deps), changes_(changes), progress_(std::move(progress)) {}

  Task<void> database() {
    if (deps_.database == nullptr) co_return Result<void>();
    for (std::int64_t last = 0;;) {
      CO_TRY(auto page, co_await deps_.database->narinfos(last));
      if (page.narinfos.empty()) co_return Result<void>();
      last = page.last;
      std::vector<Candidate> batch;
      for (const auto& narinfo : page.narinfos) {
        batch.push_back({.hash = narinfo.hash, .known = &narinfo});
        seen_.push_back(mark_of(narinfo.hash));
      }
      CO_TRY(co_await adopt(std::move(batch)));
    }
  }

  Task<void> files() {
    constexpr std::string_view kEnd = ".narinfo";
    std::ranges::sort(seen_);
    for (std::string last;;) {
      auto where = folder("store/narinfo");
      CO_TRY(auto page, co_await deps_.store.list(where, last));
      if (page.empty()) co_return Result<void>();
      last = page.back().key.str();
      std::vector<Candidate> batch;
      for (const auto& entry : page) {
        auto name = entry.key.str().substr(entry.key.str().rfind('/') + 1);
        if (name.ends_with(kEnd)) name.resize(name.size() - kEnd.size());
        if (!std::ranges::binary_search(seen_, mark_of(name)))
          batch.push_back({.hash = std::move(name), .file_size = entry.size});
      }
      CO_TRY(co_await adopt(std::move(batch)));
    }
  }

  Task<void> nars() {
    std::ranges::sort(announced_);
    for (std::string last;;) {
      auto where = folder("store/nar");
      CO_TRY(auto page, co_await deps_.store.list(where, last));
      if (page.empty()) co_return Result<void>();
      last = page.back().key.str();
      for (const auto& entry : page) {
        auto name = std::string_view(entry.key.str());
        name.remove_prefix(name.rfind('/') + 1);
        count(summary_.nars, entry.size);
        if (!std::ranges::binary_search(announced_, mark_of(name)))
          count(summary_.without_narinfo, entry.size);
      }
      progress_(summary_);
    }
  }

  Task<void> these(std::vector<std::string> hashes) {
    std::vector<Candidate> batch;
    batch.reserve(hashes.size());
    for (auto& hash : hashes) batch.push_back({.hash = std::move(hash)});
    co_return co_await adopt(std::move(batch));
  }

  AdoptionSummary take_summary() { return std::move(summary_); }

 private:
  static void count(Count& count, std::uint64_t bytes) {
    ++count.number;
    count.bytes += bytes;
  }

  // What the judging coroutines share.
  struct Batch {
    std::vector<Candidate> candidates;
    std::vector<Verdict> verdicts;
    std::atomic<std::size_t> next = 0;
  };

  Task<void> adopt(std::vector<Candidate> candidates) {
    Batch batch{.candidates = std::move(candidates), .verdicts = {}};
    batch.verdicts.resize(batch.candidates.size());
    TaskGroup group;
    for (std::size_t i = 0; i < kAtOnce; ++i)
      group.spawn(deps_.runtime.next_executor(), "adopt", work_on(batch));
    co_await group.join(Deadline::never());  // reads and judges: each of these ends

    std::vector<std::size_t> of_rows;
    for (std::size_t i = 0; i < batch.verdicts.size(); ++i) {
      auto& verdict = batch.verdicts[i];
      if (verdict.error) co_return std::unexpected(*std::move(verdict.error));
      if (!verdict.refused.empty()) refuse(batch.candidates[i].hash, verdict);
      if (verdict.row) of_rows.push_back(i);
    }
    for (std::span<const std::size_t> left(of_rows); !left.empty();) {
      auto some = left.first(std::min(kRows, left.size()));
      left = left.subspan(some.size());
      CO_TRY(co_await put(batch, some));
      progress_(summary_);
    }
    progress_(summary_);
    co_return Result<void>();
  }

  Task<void> put(const Batch& batch, std::span<const std::size_t> which) {
    std::vector<db::ImportRow> rows;
    for (auto i : which) rows.push_back(*batch.verdicts[i].row);
    CO_TRY(auto outcomes, co_await deps_.catalog.put(std::move(rows)));
    for (std::size_t n = 0; n < which.size(); ++n)
      note(batch.candidates[which[n]], batch.verdicts[which[n]], outcomes[n]);
    co_return Result<void>();
  }

  boost::asio::awaitable<void> work_on(Batch& batch) {
    for (auto i = batch.next++; i < batch.candidates.size(); i = batch.next++) {
      auto verdict = co_await consider(batch.candidates[i]);
      if (verdict) {
        batch.verdicts[i] = *std::move(verdict);
      } else {
        batch.verdicts[i].error = std::move(verdict).error();
      }
    }
  }

  Task<Verdict> consider(const Candidate& candidate) {
    Verdict verdict;
    auto hash = nix::StorePathHash::parse(candidate.hash);
    if (!hash) {
      verdict.refused = "named by no hash of a store path";
      co_return verdict;
    }
    CO_TRY(auto adopted, co_await judge(*hash, candidate, verdict));
    if (!adopted) co_return verdict;
    verdict.put_text = !adopted->from_file;
    CO_TRY(co_await place(*std::move(adopted), candidate, verdict));
    CO_TRY(co_await keep_text(verdict));
    co_return verdict;
  }

  // The file's text if it is good, else the database's.
  Task<std::optional<Adopted>> judge(const nix::StorePathHash& hash, const Candidate& candidate,
                                     Verdict& verdict) {
    if (candidate.file_size > nix::kMaxNarInfoBytes) {
      verdict.refused = "larger than a narinfo can be";
      co_return std::nullopt;
    }
    auto key = narinfo_key(hash);
    CO_TRY(auto file, co_await deps_.store.find_text(key));
    if (file) {
      CO_TRY(auto accepted, co_await accept(hash, *file, verdict));
      if (accepted)
        co_return Adopted{.info = std::move(accepted->info),
                          .text = *std::move(file),
                          .from_file = true,
                          .sent_by = accepted->sent_by};
    }
    if (candidate.known == nullptr) co_return std::nullopt;
    const auto& text = candidate.known->text;
    if (!text) {
      if (!file) verdict.refused = "its row in the database is not complete, and there is no file";
      co_return std::nullopt;
    }
    CO_TRY(auto accepted, co_await accept(hash, *text, verdict));
    if (!accepted) co_return std::nullopt;
    verdict.refused.clear();  // whatever was wrong with the file
    verdict.detail.clear();
    co_return Adopted{.info = std::move(accepted->info),
                      .text = *text,
                      .from_file = false,
                      .sent_by = accepted->sent_by};
  }

  Task<std::optional<Accepted>> accept(const nix::StorePathHash& hash, std::string_view text,
                                       Verdict& verdict) {
    UploadMarks marks(deps_.store);
    auto judged = co_await judge_kept(deps_.judge, marks, hash, text);
    if (judged && judged->accepted) co_return std::move(judged->accepted);
    if (!judged && judged.error().kind() != ErrorKind::corrupt)
      co_return std::unexpected(std::move(judged).error());
    verdict.refused = judged ? judged->why_not : "no narinfo of that path";
    verdict.detail = judged ? "" : judged.error().what();
    co_return std::nullopt;
  }

  // Where its NAR is at rest, and so how it is described and announced.
  Task<void> place(Adopted adopted, const Candidate& candidate, Verdict& verdict) {
    std::span<const db::GoNarFile> files;
    if (candidate.known != nullptr) files = candidate.known->files;
    auto original_url = adopted.info.url;
    std::vector<nix::NarUrl> urls;
    std::uint64_t size = 0;
    for (auto& place : nar_places(adopted.info, files)) {
      bool redescribed = place.how == NarPlace::How::redescribed;
      if (redescribed && adopted.from_file) continue;  // that text stays what it is
      auto key = nar_key(place.url);
      CO_TRY(auto at_rest, co_await deps_.store.find(key));
      if (!at_rest) continue;
      size = *at_rest;
      verdict.at_rest = true;
      verdict.redescribed = redescribed;
      if (!adopted.from_file && place.how != NarPlace::How::as_it_is) {
        adopted.info = std::move(place.info);
        adopted.text = nix::print_nar_info(adopted.info);
      }
      urls.push_back(std::move(place.url));
      break;
    }
    verdict.in_chunks = !verdict.at_rest && std::ranges::any_of(files, &db::GoNarFile::in_chunks);
    for (auto& url : announced_urls(adopted.info))
      if (std::ranges::find(urls, url) == urls.end()) urls.push_back(std::move(url));
    if (verdict.at_rest) check_size(adopted.info, urls.front(), size, verdict);
    verdict.row =
        make_row(std::move(adopted), original_url, verdict.redescribed, std::move(urls), candidate);
    if (verdict.at_rest && !verdict.damaged) verdict.row->nar.stored_size = size;
    co_return Result<void>();
  }

  // The Go program checked no hash, and gave files their names before their bytes were on the disk.
  static void check_size(const nix::NarInfo& info, const nix::NarUrl& url, std::uint64_t size,
                         Verdict& verdict) {
    auto expected = info.file_size;
    if (compressed_by_us(info.compression, info.nar_hash, url))
      expected.reset();
    else if (info.compression == nix::Compression::none)
      expected = info.nar_size;
    verdict.damaged = size == 0 || (expected && size != *expected);
    if (!verdict.damaged) return;
    verdict.detail = url.str() + " has " + std::to_string(size) + " bytes";
    if (expected) verdict.detail += ", not " + std::to_string(*expected);
  }

  static db::ImportRow make_row(Adopted adopted, const std::string& original_url, bool redescribed,
                                std::vector<nix::NarUrl> urls, const Candidate& candidate) {
    const auto& info = adopted.info;
    const auto* known = candidate.known;
    bool elsewhere = !redescribed && known != nullptr && !known->upstream_url.empty();
    db::NarRow nar{.url = urls.front(),
                   .nar_hash = info.nar_hash,
                   .nar_size = info.nar_size,
                   .compression = info.compression,
                   .file_hash = info.file_hash,
                   .file_size = info.file_size,
                   .upstream = "",
                   // The upstream's file is another one than that of a redescribed narinfo.
                   .upstream_url = elsewhere     ? known->upstream_url
                                   : redescribed ? urls.front().str()
                                                 : original_url,
                   .stored_size = {}};
    db::NarInfoRow narinfo{.hash = info.store_path.hash(),
                           .text = std::move(adopted.text),
                           .upstream = "",
                           .nar_url = urls.front(),
                           .uploaded = adopted.sent_by == SentBy::client};
    return {.narinfo = std::move(narinfo),
            .nar = std::move(nar),
            .urls = std::move(urls),
            .narinfo_times = known != nullptr ? known->times : db::Times(),
            .nar_times = known != nullptr ? nar_times(*known) : db::Times()};
  }

  // The file that was used last; of a narinfo without files its own times.
  static db::Times nar_times(const db::GoNarInfo& known) {
    auto latest = std::ranges::max_element(known.files, {},
                                           [](const auto& file) { return file.times.accessed; });
    return latest == known.files.end() ? known.times : latest->times;
  }

  // The store first: a row without its file could not be made anew.
  Task<void> keep_text(const Verdict& verdict) {
    if (!verdict.put_text || changes_ == Changes::none) co_return Result<void>();
    const auto& row = verdict.row->narinfo;
    auto key = narinfo_key(row.hash);
    co_return co_await deps_.store.put_text(key, row.text, storage::IfExists::replace);
  }

  void note(const Candidate& candidate, const Verdict& verdict, const db::Imported& outcome) {
    using How = db::Imported::How;
    if (outcome.how == How::refused) {
      ++summary_.refused["every URL for its NAR is another NAR's"];
      return example(candidate.hash + ": " + outcome.url.str() + " is another NAR's");
    }
    ++(outcome.how == How::added ? summary_.added : summary_.known);
    announced_.push_back(mark_of(outcome.url.file_name()));
    bool here = verdict.at_rest && outcome.url == verdict.row->urls.front();
    if (!here) ++summary_.without_nar;
    if (!here && verdict.in_chunks) ++summary_.only_in_chunks;
    if (here && verdict.redescribed && outcome.how == How::added) ++summary_.redescribed;
    if (here && verdict.damaged) {
      ++summary_.damaged;
      example(candidate.hash + ": " + verdict.detail);
    }
  }

  void refuse(std::string_view name, const Verdict& verdict) {
    ++summary_.refused[verdict.refused];
    example(std::string(name) + ": " + (verdict.detail.empty() ? verdict.refused : verdict.detail));
  }

  void example(std::string line) {
    if (summary_.examples.size() == AdoptionSummary::kExamples) return;
    // A database may hold what a terminal would obey.
    auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
    std::ranges::replace_if(line, is_control, '?');
    summary_.examples.push_back(std::move(line));
  }

  AdoptionDeps deps_;
  const Changes changes_;
  const std::function<void(const AdoptionSummary&)> progress_;
  AdoptionSummary summary_;
  std::vector<std::uint64_t> seen_;       // marks of the hashes that the database has
  std::vector<std::uint64_t> announced_;  // marks of the file names of NARs
};

}  // namespace

std::uint64_t AdoptionSummary::refusals() const {
  std::uint64_t sum = 0;
  for (const auto& [reason, number] : refused) sum += number;
  return sum;
}

Task<AdoptionSummary> adopt(AdoptionDeps deps, Changes changes,
                            std::function<void(const AdoptionSummary&)> progress) {
  Adopter adopter(deps, changes, std::move(progress));
  CO_TRY(co_await adopter.database());
  CO_TRY(co_await adopter.files());
  CO_TRY(co_await adopter.nars());
  co_return adopter.take_summary();
}

Task<AdoptionSummary> adopt_files(AdoptionDeps deps, std::vector<std::string> hashes) {
  Adopter adopter(deps, Changes::all, [](const AdoptionSummary&) {});
  CO_TRY(co_await adopter.these(std::move(hashes)));
  co_return adopter.take_summary();
}

}  // namespace ncps::cache
