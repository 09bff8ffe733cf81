#include "cache/listing_maker.h"

#include "cache/feed.h"
#include "cache/nar_layout.h"
#include "codec/decompressor.h"
#include "nix/nar_listing.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

// To the end of the source, which says whether all of it is right; the bytes are left where they
// are.
Task<void> arrive(std::unique_ptr<ByteSource> source, Deadline deadline) {
  while (!deadline.passed()) {
    CO_TRY(auto piece, co_await source->next());
    if (piece_size(piece) == 0) co_return Result<void>();
  }
  co_return fail(ErrorKind::timeout, "the NAR did not arrive in time");
}

void log_unlisted(const nix::NarUrl& url, const Error& error) {
  log::warn("no listing can be made of a NAR", {{"nar", url.str()}, {"error", error.what()}});
}

}  // namespace

Task<std::optional<AnnouncedNar>> ListingMaker::find_nar(nix::StorePathHash hash,
                                                         Deadline deadline) {
  CO_TRY(auto served, co_await narinfos_.find(hash, Asked::by_head, deadline));
  if (!served) co_return std::nullopt;
  CO_TRY(auto info, nix::parse_nar_info(served->text));
  CO_TRY(auto url, nix::NarUrl::parse(info.url));
  co_return AnnouncedNar{.url = std::move(url), .compression = info.compression};
}

Task<std::optional<std::string>> ListingMaker::from_rest(AnnouncedNar nar, Deadline deadline) {
  auto key = nar_key(nar.url);
  CO_TRY(auto blob, co_await store_.open(key));
  if (!blob) co_return std::nullopt;
  auto text = co_await make(blob->read(0, blob->size()), nar.compression, deadline);
  if (text) co_return std::move(*text);
  if (text.error().retryable()) co_return std::unexpected(std::move(text).error());
  log_unlisted(nar.url, text.error());
  co_return std::nullopt;
}

Task<std::optional<std::string>> ListingMaker::from_upstreams(AnnouncedNar nar, Deadline deadline) {
  auto opened = co_await nars_.open(nar.url, deadline);
  if (!opened && opened.error().kind() == ErrorKind::not_found) co_return std::nullopt;
  if (!opened) co_return std::unexpected(std::move(opened).error());
  // All of it is here before a slot is taken: a slow download holds up no other listing.
  CO_TRY(co_await arrive(opened->read(0, opened->size()), deadline));
  auto text = co_await make(opened->read(0, opened->size()), nar.compression, deadline);
  if (text) co_return std::move(*text);
  if (text.error().kind() != ErrorKind::invalid) co_return std::unexpected(std::move(text).error());
  log_unlisted(nar.url, text.error());
  co_return std::nullopt;
}

Task<std::string> ListingMaker::make(std::unique_ptr<ByteSource> source,
                                     nix::Compression compression, Deadline deadline) {
  CO_TRY(auto slot, co_await slots_.take(deadline));
  CO_TRY(auto decompressor, codec::make_decompressor(compression));
  nix::NarListing listing;
  auto list = [&](std::string_view part) { return listing.feed(part); };
  auto decompress = [&](std::string_view part) -> Result<std::size_t> {
    if (cut_off_) return fail(ErrorKind::unavailable, "the server is shutting down");
    return decompressor->feed_some(part, list);
  };
  CO_TRY(co_await feed_in_turns(*source, cpu_, deadline, decompress));
  auto finish = [&]() -> Result<std::string> {
    TRY(decompressor->finish(list));
    return listing.finish();
  };
  co_return co_await offload(cpu_, std::move(finish));
}

void ListingMaker::cut_off() {
  cut_off_ = true;
  slots_.close();
}

}  // namespace ncps::cache
