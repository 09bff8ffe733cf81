#include "cache/read_upload.h"

#include "codec/decompressor.h"

namespace ncps::cache {

Task<UploadAnswer> read_upload(ByteSource& body, nix::Compression encoding, std::uint64_t most,
                               Pool& pool, std::function<Result<void>(std::string_view)> sink,
                               std::function<Task<void>()> after_each) {
  CO_TRY(auto decoder, codec::make_decompressor(encoding));
  std::uint64_t size = 0;
  bool too_large = false;
  auto bounded = [&](std::string_view part) -> Result<void> {
    too_large = part.size() > most - size;
    if (too_large) return fail(ErrorKind::corrupt, "too large");
    size += part.size();
    return sink(part);
  };
  for (bool more = true; more;) {
    CO_TRY(auto piece, co_await body.next());
    auto bytes = std::get<std::string_view>(piece);
    more = !bytes.empty();
    auto work = [&] { return more ? decoder->feed(bytes, bounded) : decoder->finish(bounded); };
    auto fed = co_await offload(pool, std::move(work));
    if (fed && after_each) CO_TRY(co_await after_each());
    if (fed) continue;
    if (too_large)
      co_return refuse(Verdict::too_large, "more than " + std::to_string(most) + " bytes");
    if (fed.error().kind() == ErrorKind::corrupt)
      co_return refuse(Verdict::unfit, fed.error().what());
    co_return std::unexpected(std::move(fed).error());
  }
  co_return UploadAnswer{};
}

}  // namespace ncps::cache
