#include "cache/kept_urls.h"

#include "cache/nar_info_rendering.h"
#include "cache/nar_layout.h"

namespace ncps::cache {

Task<std::vector<nix::NarUrl>> urls_of_kept(storage::BlobStore& store, const nix::NarInfo& info) {
  auto urls = announced_urls(info);
  auto own = nix::NarUrl::parse(info.url);
  if (info.compression != nix::Compression::none || !own || !own->query().empty()) co_return urls;
  // By that name it would be compressed by us, and what lies there is.
  if (compressed_by_us(info.compression, info.nar_hash, *own)) co_return urls;
  auto key = nar_key(*own);
  CO_TRY(auto at_rest, co_await store.find(key));
  if (at_rest) urls.insert(urls.begin(), *std::move(own));
  co_return urls;
}

}  // namespace ncps::cache
