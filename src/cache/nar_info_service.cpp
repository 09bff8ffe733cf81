#include "cache/nar_info_service.h"

#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"
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
                               Trust trust)
    : store_(store),
      catalog_(catalog),
      upstreams_(upstreams),
      downloads_(downloads),
      trust_(std::move(trust)),
      flights_(runtime) {}

Task<std::optional<ServedNarInfo>> NarInfoService::find(nix::StorePathHash hash, Prefetch prefetch,
                                                        Deadline deadline) {
  auto work = [this, hash, prefetch] { return find_or_fetch(hash, prefetch); };
  co_return co_await flights_.run(hash, std::move(work), deadline);
}

Task<NarInfoService::Found> NarInfoService::find_or_fetch(nix::StorePathHash hash,
                                                          Prefetch prefetch) {
  auto row = co_await catalog_.find_narinfo(hash);
  // What came in while no keys were configured is not trusted once there are some.
  if (row && *row && ((*row)->verified || trust_.upstream_keys.empty())) {
    auto info = nix::parse_nar_info((*row)->text);
    if (info && info->store_path.hash() == hash)
      co_return serve(std::move(*info), (*row)->nar_url, (*row)->verified, "hit");
    log::error(
        "a narinfo's row is damaged",
        {{"narinfo", hash.str()}, {"error", info ? "it is another path's" : info.error().what()}});
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
  auto accepted = accept(hash, *text, "the store");
  if (!accepted || !*accepted) {
    log::warn("a stored narinfo is not accepted, asking the upstreams",
              {{"narinfo", hash.str()},
               {"error", accepted ? "no trusted signature" : accepted.error().what()}});
    co_return std::nullopt;
  }
  CO_TRY(auto served, co_await keep(hash, std::move(**accepted), *text, "", Prefetch::no));
  served.how = "hit";
  co_return std::move(served);
}

Task<NarInfoService::Found> NarInfoService::from_upstreams(const nix::StorePathHash& hash,
                                                           Prefetch prefetch) {
  auto deadline = Deadline::after(kFetchTime);
  std::optional<Error> trouble;
  auto left = static_cast<int>(upstreams_.size());
  for (const auto& upstream : upstreams_) {
    // One that never answers must not use up the time of those behind it.
    auto share = deadline.at_most(deadline.remaining() / left--);
    auto text = co_await upstream->find_narinfo(hash, share);
    if (text && !*text) continue;
    auto error = Error(ErrorKind::internal, "");
    if (text) {
      auto accepted = accept(hash, **text, upstream->name());
      if (accepted && *accepted) {
        CO_TRY(auto served,
               co_await keep(hash, std::move(**accepted), **text, upstream->name(), prefetch));
        co_return std::move(served);
      }
      if (accepted) continue;  // not trusted: as if it had none
      error = std::move(accepted).error();
    } else {
      error = std::move(text).error();
    }
    log::warn("an upstream could not be asked",
              {{"narinfo", hash.str()}, {"upstream", upstream->name()}, {"error", error.what()}});
    trouble = std::move(error);
  }
  if (trouble) co_return std::unexpected(std::move(*trouble));
  co_return std::nullopt;
}

// nullopt: a narinfo, but nobody whom we trust has signed it. Errors: corrupt.
Result<std::optional<NarInfoService::Accepted>> NarInfoService::accept(
    const nix::StorePathHash& hash, std::string_view text, std::string_view from) const {
  auto info = nix::parse_nar_info(text);
  if (!info) {
    return fail(ErrorKind::corrupt,
                std::string(from) + ": " + name_of(hash) + ": " + info.error().what());
  }
  if (info->store_path.hash() != hash) {
    return fail(ErrorKind::corrupt, std::string(from) + ": asked for " + std::string(hash.str()) +
                                        ", it answered with " + info->store_path.str());
  }
  bool verified =
      nix::signed_by_any(nix::fingerprint(*info), info->signatures, trust_.upstream_keys);
  if (!verified && !trust_.upstream_keys.empty()) {
    log::warn(
        "a narinfo has no signature by a trusted key, it is passed over",
        {{"narinfo", hash.str()}, {"upstream", from}, {"signatures", info->signatures.size()}});
    return std::nullopt;
  }
  return Accepted{.info = std::move(*info), .verified = verified};
}

// An announced URL belongs to one NAR for ever: if another one has it, this one gets a name of its
// own.
Task<nix::NarUrl> NarInfoService::free_url(const nix::NarInfo& info) {
  auto url = announced_url(info);
  CO_TRY(auto other, co_await catalog_.find_nar(url));
  if (!other || (other->nar_hash == info.nar_hash && other->compression == info.compression))
    co_return url;
  co_return nix::NarUrl::for_nar_hash(info.nar_hash, info.compression);
}

Task<ServedNarInfo> NarInfoService::keep(const nix::StorePathHash& hash, Accepted accepted,
                                         std::string text, std::string upstream,
                                         Prefetch prefetch) {
  auto& info = accepted.info;
  auto url = co_await free_url(info);
  auto announced = url ? *url : announced_url(info);
  db::NarRow nar{.url = announced,
                 .nar_hash = info.nar_hash,
                 .nar_size = info.nar_size,
                 .compression = info.compression,
                 .file_hash = info.file_hash,
                 .file_size = info.file_size,
                 .upstream = upstream,
                 .upstream_url = info.url,
                 .stored_size = {}};
  db::NarInfoRow row{.hash = hash,
                     .text = text,
                     .upstream = upstream,
                     .verified = accepted.verified,
                     .nar_url = announced};
  // The client's answer is right whether or not we can keep it.
  auto key = narinfo_key(hash);
  auto kept = co_await store_.put_text(key, std::move(text), storage::IfExists::replace);
  if (kept) kept = co_await catalog_.put_narinfo(row, nar);
  if (!kept && kept.error().kind() == ErrorKind::conflict) {  // another NAR took the URL meanwhile
    announced = row.nar_url = nar.url = nix::NarUrl::for_nar_hash(info.nar_hash, info.compression);
    kept = co_await catalog_.put_narinfo(std::move(row), nar);
  }
  if (!kept)
    log::error("a narinfo could not be kept",
               {{"narinfo", hash.str()}, {"error", kept.error().what()}});
  if (kept && prefetch == Prefetch::yes) downloads_.prefetch(job_for(nar, upstreams_));
  co_return serve(std::move(info), announced, accepted.verified, "miss");
}

Result<ServedNarInfo> NarInfoService::serve(nix::NarInfo info, const nix::NarUrl& url,
                                            bool verified, std::string_view how) const {
  bool sign = trust_.signing_key && (verified || trust_.sign_unverified);
  TRY(auto text, served_text(std::move(info), url, sign ? &*trust_.signing_key : nullptr));
  auto etag = etag_of(text);
  return ServedNarInfo{.text = std::move(text), .etag = std::move(etag), .how = how};
}

}  // namespace ncps::cache
