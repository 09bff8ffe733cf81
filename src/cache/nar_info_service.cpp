#include "cache/nar_info_service.h"

#include <algorithm>
#include <utility>

#include "cache/judge_kept.h"
#include "cache/kept_urls.h"
#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
#include "cache/room.h"
#include "telemetry/log.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

constexpr auto kFetchTime = std::chrono::seconds(30);  // for all upstreams together

// Then who asks for the NAR by that name needs no row: the name says what the bytes must be.
bool found_without_row(const db::NarRow& nar) {
  return nar.file_hash && nar.url.hash_in_name() == nar.file_hash;
}

SentBy sent_by(const db::NarInfoRow& row) {
  return row.uploaded ? SentBy::client : SentBy::upstream;
}

}  // namespace

NarInfoService::NarInfoService(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
                               const upstream::UpstreamSet& upstreams, Downloads& downloads,
                               Pool& cpu, const Live<Trust>& trust, NarInfoPolicy policy,
                               std::size_t most_searches)
    : store_(store),
      catalog_(catalog),
      upstreams_(upstreams),
      downloads_(downloads),
      cpu_(cpu),
      trust_(trust),
      prefetch_(policy.prefetch),
      judge_(cpu, trust),
      search_(runtime, judge_),
      marks_(store),
      missing_(policy.missing_for),
      searches_(most_searches),
      flights_(runtime, std::max(kMostFlights, 4 * most_searches)),
      // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): walk_ keeps it
      walk_(runtime, [this](nix::StorePathHash hash) -> boost::asio::awaitable<void> {
        // Whatever comes of it has been kept, or logged.
        auto found = co_await find(hash, Asked::ahead, Deadline::after(kFetchTime));
        static_cast<void>(found);
      }) {}

void NarInfoService::use(NarInfoPolicy policy) {
  prefetch_.replace(policy.prefetch);
  missing_.set_ttl(policy.missing_for);
  missing_.forget_all();
  ++policies_;
}

bool NarInfoService::stop(Deadline deadline) {
  return walk_.stop(deadline) && flights_.stop(deadline) && search_.stop(deadline);
}

Task<std::optional<ServedNarInfo>> NarInfoService::find(nix::StorePathHash hash, Asked asked,
                                                        Deadline deadline) {
  trace::Span span("cache.narinfo");
  span.set("ncps.hash", hash.str());
  auto work = [this, hash, asked] { return find_as_of_now(hash, asked); };
  auto found = co_await flights_.run(hash, std::move(work), deadline, policies_.load());
  if (!found) span.fail(found.error().what());
  if (found && *found) span.set("ncps.cache", (*found)->how);
  if (asked == Asked::by_get && found && *found) {
    if (auto left = ahead_.take(hash)) fetch(*left);
  }
  co_return std::move(found);
}

Task<NarInfoService::Found> NarInfoService::find_as_of_now(nix::StorePathHash hash, Asked asked) {
  auto before = as_of();
  CO_TRY(auto found, co_await find_or_fetch(hash, asked));
  if (found) found->as_of = before;
  co_return std::move(found);
}

Task<NarInfoService::Found> NarInfoService::find_or_fetch(nix::StorePathHash hash, Asked asked) {
  auto row = co_await catalog_.find_narinfo(hash);
  if (row && *row) {
    CO_TRY(auto accepted, co_await accept(hash, (*row)->text, sent_by(**row), "the catalog"));
    if (accepted) {
      CO_TRY(auto better, co_await look_into_doubt(hash, (*row)->nar_url, asked));
      if (better) co_return std::move(better);
      co_return co_await serve(std::move(*accepted), (*row)->nar_url, "hit");
    }
  }
  // Only if the catalog says so, too: what has come meanwhile is there.
  if (row && missing_.has(hash, world(), MissingMemory::Clock::now())) co_return std::nullopt;
  CO_TRY(auto search, co_await begin_search());
  // Without the index the store still knows: a row lost in a crash, or a database that is away.
  CO_TRY(auto kept, co_await from_store(hash, asked));
  if (kept) co_return std::move(kept);
  if (!row) co_return std::unexpected(std::move(row).error());
  co_return co_await from_upstreams(hash, asked);
}

// Nobody waits for a place: it would be one of the flights that hits need, too.
Task<Slots::Slot> NarInfoService::begin_search() {
  auto place = co_await searches_.take(Deadline::after(std::chrono::seconds(0)));
  if (!place) co_return fail(ErrorKind::unavailable, "too much is being looked for already");
  co_return std::move(*place);
}

// Whose NAR cannot be had is asked for again. nullopt: what we have must do.
Task<NarInfoService::Found> NarInfoService::look_into_doubt(const nix::StorePathHash& hash,
                                                            const nix::NarUrl& url, Asked asked) {
  if (!downloads_.doubtful().take(url)) co_return std::nullopt;
  auto search = co_await begin_search();
  if (!search) {
    downloads_.doubtful().add(url);  // for the next one who asks
    co_return std::nullopt;
  }
  auto again = co_await from_upstreams(hash, asked);
  if (!again) co_return std::nullopt;
  co_return std::move(again);
}

Task<NarInfoService::Found> NarInfoService::find_kept(nix::StorePathHash hash) {
  CO_TRY(auto row, co_await catalog_.find_narinfo(hash));
  Found found;
  if (row) {
    CO_TRY(auto accepted, co_await accept(hash, row->text, sent_by(*row), "the catalog"));
    if (accepted) {
      CO_TRY(found, co_await serve(std::move(*accepted), row->nar_url, "hit"));
    }
  }
  if (!found) {
    CO_TRY(found, co_await kept_without_row(hash));
  }
  if (!found) co_return std::nullopt;
  CO_TRY(auto info, nix::parse_nar_info(found->text));
  CO_TRY(auto url, nix::NarUrl::parse(info.url));
  auto key = nar_key(url);
  CO_TRY(auto nar, co_await store_.find(key));
  if (!nar) co_return std::nullopt;
  co_return std::move(found);
}

// Makes no row: outside of flights_ one would come back that is being removed.
Task<NarInfoService::Found> NarInfoService::kept_without_row(const nix::StorePathHash& hash) {
  auto key = narinfo_key(hash);
  CO_TRY(auto text, co_await store_.find_text(key));
  if (!text) co_return std::nullopt;
  CO_TRY(auto accepted, co_await accept_of_store(hash, *text));
  if (!accepted) co_return std::nullopt;
  CO_TRY(auto urls, co_await urls_of_kept(store_, accepted->info));
  for (const auto& url : urls) {  // as index(): not under a URL of another NAR
    CO_TRY(auto nar, co_await catalog_.find_nar(url));
    if (!nar || nar->nar_hash == accepted->info.nar_hash)
      co_return co_await serve(std::move(*accepted), url, "hit");
  }
  co_return std::nullopt;
}

MissingMemory::World NarInfoService::world() const {
  std::uint64_t returns = 0;
  for (const auto& upstream : *upstreams_.now()) returns += upstream->returns();
  return missing_.world(returns);
}

Task<NarInfoService::Found> NarInfoService::from_store(const nix::StorePathHash& hash,
                                                       Asked asked) {
  auto key = narinfo_key(hash);
  CO_TRY(auto text, co_await store_.find_text(key));
  if (!text) co_return std::nullopt;
  CO_TRY(auto accepted, co_await accept_of_store(hash, *text));
  if (!accepted) co_return std::nullopt;
  CO_TRY(auto urls, co_await urls_of_kept(store_, accepted->info));
  auto indexed = co_await index(hash, accepted->info, std::move(urls), std::move(*text), "",
                                accepted->sent_by);
  // A text that is no UTF-8 is in no row: it always comes this way.
  CO_TRY(auto better, co_await look_into_doubt(hash, indexed.nar.url, asked));
  if (better) co_return std::move(better);
  bool kept = indexed.done || found_without_row(indexed.nar);
  CO_TRY(auto found, co_await serve(std::move(*accepted), indexed.nar.url, "hit"));
  if (found) found->kept = kept;
  co_return std::move(found);
}

Task<NarInfoService::Found> NarInfoService::from_upstreams(const nix::StorePathHash& hash,
                                                           Asked asked) {
  auto before = world();
  auto doubts_before = doubts();
  auto upstreams = upstream::in_order(*upstreams_.now());
  CO_TRY(auto result,
         co_await search_.run(hash, std::move(upstreams), Deadline::after(kFetchTime)));
  if (result.finding) {
    // A doubt from before we asked has been looked into by that; then the next failure is a new one.
    if (doubts() == doubts_before)
      for (const auto& url : announced_urls(result.finding->accepted.info))
        downloads_.doubtful().take(url);
    co_return co_await keep(hash, std::move(*result.finding), asked);
  }
  if (result.confirmed_missing && before == world())
    missing_.put(hash, before, MissingMemory::Clock::now());
  co_return std::nullopt;
}

// What we keep ourselves is judged anew each time: keys may have changed, files may have been damaged.
Task<std::optional<Accepted>> NarInfoService::accept(const nix::StorePathHash& hash,
                                                     std::string_view text, SentBy sent_by,
                                                     std::string_view from) {
  auto judged = co_await judge_.judge(hash, text, sent_by);
  co_return accepted_of(hash, std::move(judged), from);
}

std::optional<Accepted> NarInfoService::accepted_of(const nix::StorePathHash& hash,
                                                    Result<Judged> judged, std::string_view from) {
  if (judged && judged->accepted) return std::move(judged->accepted);
  log::warn("a kept narinfo is not accepted any more, looking elsewhere",
            {{"narinfo", hash.str()},
             {"from", from},
             {"why", judged ? judged->why_not : judged.error().what()}});
  return std::nullopt;
}

// Without its row nothing but the store can say that a client sent it.
Task<std::optional<Accepted>> NarInfoService::accept_of_store(const nix::StorePathHash& hash,
                                                              std::string_view text) {
  auto judged = co_await judge_kept(judge_, marks_, hash, text);
  if (!judged && judged.error().kind() != ErrorKind::corrupt)
    co_return std::unexpected(std::move(judged).error());
  co_return accepted_of(hash, std::move(judged), "the store");
}

// An announced URL belongs to one NAR for ever: if another one has it, this one gets the next of
// `urls`.
boost::asio::awaitable<NarInfoService::Indexed> NarInfoService::index(
    const nix::StorePathHash& hash, const nix::NarInfo& info, std::vector<nix::NarUrl> urls,
    std::string text, std::string upstream, SentBy sent_by) {
  db::NarRow nar{.url = urls.front(),
                 .nar_hash = info.nar_hash,
                 .nar_size = info.nar_size,
                 .compression = info.compression,
                 .file_hash = info.file_hash,
                 .file_size = info.file_size,
                 .upstream = upstream,
                 .upstream_url = info.url,
                 .stored_size = {}};
  db::NarInfoRow row{.hash = hash,
                     .text = std::move(text),
                     .upstream = upstream,
                     .nar_url = nar.url,
                     .uploaded = sent_by == SentBy::client};
  auto put = co_await catalog_.put_narinfo(row, nar);
  for (std::size_t i = 1; !put && put.error().kind() == ErrorKind::conflict && i < urls.size();
       ++i) {
    row.nar_url = nar.url = urls[i];
    put = co_await catalog_.put_narinfo(row, nar);
  }
  if (!put) tell("a narinfo could not be indexed", hash, put.error());
  co_return Indexed{.nar = std::move(nar), .done = put.has_value()};
}

Task<void> NarInfoService::put_text(storage::BlobKey key, std::string text) {
  co_return co_await put_text_in_room(store_, std::move(key), std::move(text), downloads_.space());
}

// A full disk is said once, not for each narinfo.
void NarInfoService::tell(std::string_view what, const nix::StorePathHash& hash,
                          const Error& error) {
  if (error.no_space() && downloads_.space() != nullptr) {
    downloads_.space()->complain(error);
  } else {
    log::error(what, {{"narinfo", hash.str()}, {"error", error.what()}});
  }
}

// The client's answer is right whether or not we can keep it.
Task<NarInfoService::Found> NarInfoService::keep(const nix::StorePathHash& hash, Finding finding,
                                                 Asked asked) {
  auto key = narinfo_key(hash);
  auto stored = co_await put_text(key, finding.text);
  if (!stored) tell("a narinfo could not be kept", hash, stored.error());
  auto& accepted = finding.accepted;
  auto indexed = co_await index(hash, accepted.info, announced_urls(accepted.info),
                                std::move(finding.text), finding.from->name(), SentBy::upstream);
  if (stored && indexed.done) fetch_ahead(accepted.info, indexed.nar, asked);
  bool kept = indexed.done || (stored && found_without_row(indexed.nar));
  CO_TRY(auto found, co_await serve(std::move(accepted), indexed.nar.url, "miss"));
  if (found) found->kept = kept;
  if (found) found->upstream = finding.from->name();
  co_return std::move(found);
}

// Of a narinfo that is new here.
void NarInfoService::fetch_ahead(const nix::NarInfo& info, db::NarRow nar, Asked asked) {
  auto policy = prefetch_.now();
  StillToFetch left;
  if (policy->nars) left.nar = std::move(nar);
  if (policy->narinfos) {
    for (const auto& reference : info.references)
      if (reference != info.store_path) left.references.push_back(reference.hash());
  }
  if (asked == Asked::ahead) walk_.add(std::exchange(left.references, {}));
  if (asked == Asked::by_get) {
    fetch(left);
  } else if (!left.empty()) {
    ahead_.put(info.store_path.hash(), std::move(left));
  }
}

void NarInfoService::fetch(const StillToFetch& left) {
  if (left.nar) downloads_.prefetch(job_for(*left.nar, *upstreams_.now()));
  walk_.add(left.references);
}

Task<NarInfoService::Found> NarInfoService::serve(Accepted accepted, const nix::NarUrl& url,
                                                  std::string_view how) {
  auto trust = trust_.now();
  std::span<const nix::SecretKey> signers;
  if (to_be_signed(accepted, *trust)) signers = trust->signing_keys;
  auto work = [&]() -> Result<Found> {
    TRY(auto text, served_text(std::move(accepted.info), url, signers));
    auto etag = etag_of(text);
    return ServedNarInfo{.text = std::move(text), .etag = std::move(etag), .how = how};
  };
  co_return co_await offload(cpu_, std::move(work));
}

}  // namespace ncps::cache
