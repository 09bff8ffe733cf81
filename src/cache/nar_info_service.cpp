#include "cache/nar_info_service.h"

#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
#include "codec/decompressor.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

constexpr auto kFetchTime = std::chrono::seconds(30);  // for all upstreams together

std::string name_of(const nix::StorePathHash& hash) {
  return std::string(hash.str()) + ".narinfo";
}

}  // namespace

NarInfoService::NarInfoService(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
                               const upstream::UpstreamSet& upstreams, Downloads& downloads,
                               Pool& cpu, const Live<Trust>& trust)
    : store_(store),
      catalog_(catalog),
      upstreams_(upstreams),
      downloads_(downloads),
      cpu_(cpu),
      trust_(trust),
      flights_(runtime) {}

Task<std::optional<ServedNarInfo>> NarInfoService::find(nix::StorePathHash hash, Prefetch prefetch,
                                                        Deadline deadline) {
  auto work = [this, hash, prefetch] { return find_or_fetch(hash, prefetch); };
  co_return co_await flights_.run(hash, std::move(work), deadline);
}

Task<NarInfoService::Found> NarInfoService::find_or_fetch(nix::StorePathHash hash,
                                                          Prefetch prefetch) {
  auto row = co_await catalog_.find_narinfo(hash);
  if (row && *row) {
    CO_TRY(auto accepted, co_await accept(hash, (*row)->text, "the catalog"));
    if (accepted) co_return co_await serve(std::move(*accepted), (*row)->nar_url, "hit");
  }
  // Without the index the store still knows: a row lost in a crash, or a database that is away.
  CO_TRY(auto kept, co_await from_store(hash));
  if (kept) co_return std::move(kept);
  if (!row) co_return std::unexpected(std::move(row).error());
  co_return co_await from_upstreams(hash, prefetch);
}

Task<NarInfoService::Found> NarInfoService::from_store(const nix::StorePathHash& hash) {
  auto key = narinfo_key(hash);
  CO_TRY(auto text, co_await store_.find_text(key));
  if (!text) co_return std::nullopt;
  CO_TRY(auto accepted, co_await accept(hash, *text, "the store"));
  if (!accepted) co_return std::nullopt;
  auto indexed = co_await index(hash, accepted->info, std::move(*text), "");
  co_return co_await serve(std::move(*accepted), indexed.nar.url, "hit");
}

Task<NarInfoService::Found> NarInfoService::from_upstreams(const nix::StorePathHash& hash,
                                                           Prefetch prefetch) {
  auto deadline = Deadline::after(kFetchTime);
  std::optional<Error> trouble;
  auto upstreams = upstream::in_order(*upstreams_.now());
  auto left = static_cast<int>(upstreams.size());
  for (const auto& upstream : upstreams) {
    // One that never answers must not use up the time of those behind it.
    auto share = deadline.at_most(deadline.remaining() / left--);
    auto text = co_await upstream->find_narinfo(hash, share);
    if (text && !*text) continue;
    auto error = Error(ErrorKind::corrupt, "what it answers cannot be right");
    if (text) {
      auto judged = co_await judge(hash, **text);
      if (judged && judged->accepted) {
        co_return co_await keep(hash, std::move(*judged->accepted), std::move(**text),
                                upstream->name(), prefetch);
      }
      if (judged) {  // not for us: as if it had none
        log::warn(
            "a narinfo is passed over",
            {{"narinfo", hash.str()}, {"upstream", upstream->name()}, {"why", judged->why_not}});
        continue;
      }
      error = std::move(judged).error();
    } else {
      error = std::move(text).error();
    }
    log::warn("an upstream could not be asked",
              {{"narinfo", hash.str()}, {"upstream", upstream->name()}, {"error", error.what()}});
    trouble = std::move(error).while_doing(upstream->name());
  }
  if (trouble) co_return std::unexpected(std::move(*trouble));
  co_return std::nullopt;
}

Task<NarInfoService::Judged> NarInfoService::judge(const nix::StorePathHash& hash,
                                                   std::string_view text) {
  auto work = [&] { return judge_now(hash, text); };
  co_return co_await offload(cpu_, std::move(work));
}

Result<NarInfoService::Judged> NarInfoService::judge_now(const nix::StorePathHash& hash,
                                                         std::string_view text) const {
  auto info = nix::parse_nar_info(text);
  if (!info) return fail(ErrorKind::corrupt, name_of(hash) + ": " + info.error().what());
  if (info->store_path.hash() != hash) {
    return fail(ErrorKind::corrupt, "asked for " + std::string(hash.str()) + ", it answered with " +
                                        info->store_path.str());
  }
  if (!codec::make_decompressor(info->compression)) {
    return Judged{.accepted = {},
                  .why_not = "its NAR cannot be verified: Compression is " +
                             std::string(nix::to_string(info->compression))};
  }
  auto trust = trust_.now();
  bool verified =
      nix::signed_by_any(nix::fingerprint(*info), info->signatures, trust->upstream_keys);
  if (!verified && !trust->upstream_keys.empty()) {
    return Judged{.accepted = {}, .why_not = "no signature by a trusted key"};
  }
  return Judged{.accepted = Accepted{.info = std::move(*info), .verified = verified},
                .why_not = {}};
}

// What we keep ourselves is judged anew each time: keys may have changed, files may have been damaged.
Task<std::optional<NarInfoService::Accepted>> NarInfoService::accept(const nix::StorePathHash& hash,
                                                                     std::string_view text,
                                                                     std::string_view from) {
  auto judged = co_await judge(hash, text);
  if (judged && judged->accepted) co_return std::move(judged->accepted);
  log::warn("a kept narinfo is not accepted any more, looking elsewhere",
            {{"narinfo", hash.str()},
             {"from", from},
             {"why", judged ? judged->why_not : judged.error().what()}});
  co_return std::nullopt;
}

// An announced URL belongs to one NAR for ever: if another one has it, this one gets a name of its
// own.
boost::asio::awaitable<NarInfoService::Indexed> NarInfoService::index(
    const nix::StorePathHash& hash, const nix::NarInfo& info, std::string text,
    std::string upstream) {
  auto url = announced_url(info);
  db::NarRow nar{.url = url,
                 .nar_hash = info.nar_hash,
                 .nar_size = info.nar_size,
                 .compression = info.compression,
                 .file_hash = info.file_hash,
                 .file_size = info.file_size,
                 .upstream = upstream,
                 .upstream_url = info.url,
                 .stored_size = {}};
  db::NarInfoRow row{.hash = hash, .text = std::move(text), .upstream = upstream, .nar_url = url};
  auto put = co_await catalog_.put_narinfo(row, nar);
  if (!put && put.error().kind() == ErrorKind::conflict) {
    row.nar_url = nar.url = nix::NarUrl::for_nar_hash(info.nar_hash, info.compression);
    put = co_await catalog_.put_narinfo(std::move(row), nar);
  }
  if (!put) {
    log::error("a narinfo could not be indexed",
               {{"narinfo", hash.str()}, {"error", put.error().what()}});
  }
  co_return Indexed{.nar = std::move(nar), .done = put.has_value()};
}

// The client's answer is right whether or not we can keep it.
Task<NarInfoService::Found> NarInfoService::keep(const nix::StorePathHash& hash, Accepted accepted,
                                                 std::string text, std::string upstream,
                                                 Prefetch prefetch) {
  auto key = narinfo_key(hash);
  auto stored = co_await store_.put_text(key, text, storage::IfExists::replace);
  if (!stored) {
    log::error("a narinfo could not be kept",
               {{"narinfo", hash.str()}, {"error", stored.error().what()}});
  }
  auto indexed = co_await index(hash, accepted.info, std::move(text), std::move(upstream));
  if (stored && indexed.done && prefetch == Prefetch::yes) {
    downloads_.prefetch(job_for(indexed.nar, *upstreams_.now()));
  }
  co_return co_await serve(std::move(accepted), indexed.nar.url, "miss");
}

Task<NarInfoService::Found> NarInfoService::serve(Accepted accepted, const nix::NarUrl& url,
                                                  std::string_view how) {
  auto trust = trust_.now();
  bool sign = trust->signing_key && (accepted.verified || trust->sign_unverified);
  const auto* signer = sign ? &*trust->signing_key : nullptr;
  auto work = [&]() -> Result<Found> {
    TRY(auto text, served_text(std::move(accepted.info), url, signer));
    auto etag = etag_of(text);
    return ServedNarInfo{.text = std::move(text), .etag = std::move(etag), .how = how};
  };
  co_return co_await offload(cpu_, std::move(work));
}

}  // namespace ncps::cache
