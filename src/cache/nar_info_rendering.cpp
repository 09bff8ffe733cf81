#include "cache/nar_info_rendering.h"

#include "crypto/encoding.h"
#include "crypto/sha256.h"

namespace ncps::cache {

std::vector<nix::NarUrl> announced_urls(const nix::NarInfo& info) {
  std::vector<nix::NarUrl> urls;
  if (info.compression == nix::Compression::none) {
    urls.push_back(nix::NarUrl::for_nar_hash(info.nar_hash, nix::Compression::zstd));
  } else if (auto own = nix::NarUrl::parse(info.url); own && own->query().empty()) {
    urls.push_back(*std::move(own));
  }
  urls.push_back(nix::NarUrl::for_nar_hash(info.nar_hash, info.compression));
  urls.push_back(
      nix::NarUrl::for_store_path(info.store_path.hash(), info.nar_hash, info.compression));
  return urls;
}

bool compressed_by_us(nix::Compression upstreams, const nix::Hash& nar_hash,
                      const nix::NarUrl& url) {
  return upstreams == nix::Compression::none &&
         url == nix::NarUrl::for_nar_hash(nar_hash, nix::Compression::zstd);
}

Result<std::string> served_text(nix::NarInfo info, const nix::NarUrl& url,
                                std::span<const nix::SecretKey> signers) {
  info.url = url.str();
  if (compressed_by_us(info.compression, info.nar_hash, url)) {
    info.compression = nix::Compression::zstd;
    info.file_hash.reset();
    info.file_size.reset();
  }
  for (const auto& signer : signers) {
    std::erase_if(info.signatures,
                  [&](const nix::Signature& s) { return s.key_name == signer.name(); });
    TRY(auto ours, signer.sign(nix::fingerprint(info)));
    info.signatures.push_back(std::move(ours));
  }
  return nix::print_nar_info(info);
}

std::string etag_of(std::string_view text) {
  return "\"" + crypto::to_hex(crypto::sha256(text)).substr(0, 32) + "\"";
}

}  // namespace ncps::cache
