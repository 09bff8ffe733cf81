#include "cache/nar_info_rendering.h"

#include "crypto/encoding.h"
#include "crypto/sha256.h"

namespace ncps::cache {

nix::NarUrl announced_url(const nix::NarInfo& info) {
  auto own = nix::NarUrl::parse(info.url);
  if (own && own->query().empty()) return *own;
  return nix::NarUrl::for_nar_hash(info.nar_hash, info.compression);
}

Result<std::string> served_text(nix::NarInfo info, const nix::NarUrl& url,
                                const nix::SecretKey* signer) {
  info.url = url.str();
  if (signer != nullptr) {
    std::erase_if(info.signatures,
                  [&](const nix::Signature& s) { return s.key_name == signer->name(); });
    TRY(auto ours, signer->sign(nix::fingerprint(info)));
    info.signatures.push_back(std::move(ours));
  }
  return nix::print_nar_info(info);
}

std::string etag_of(std::string_view text) {
  return "\"" + crypto::to_hex(crypto::sha256(text)).substr(0, 32) + "\"";
}

}  // namespace ncps::cache
