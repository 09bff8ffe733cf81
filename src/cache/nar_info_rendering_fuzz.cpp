#include "cache/nar_info_rendering.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::cache {
namespace {

const nix::SecretKey& our_key() {
  static const auto key = nix::SecretKey::generate("ours-1");
  CHECK(key);
  return *key;
}

// What clients get says of the store path what the upstream has said, and our URL.
void check_served(const nix::NarInfo& info, const nix::NarUrl& url) {
  auto text = served_text(info, url, {&our_key(), 1});
  CHECK(text);
  auto served = nix::parse_nar_info(*text);
  CHECK(served && served->url == url.str() && nix::NarUrl::parse(served->url));
  CHECK(nix::fingerprint(*served) == nix::fingerprint(info) && served->other == info.other);
  CHECK(served->deriver == info.deriver && served->ca == info.ca);
  CHECK(nix::signed_by_any(nix::fingerprint(info), served->signatures, {our_key().public_key()}));
  for (const auto& signature : info.signatures)
    CHECK(signature.key_name == our_key().name() ||
          std::ranges::count(served->signatures, signature) ==
              std::ranges::count(info.signatures, signature));
  auto ours = [](const nix::Signature& s) { return s.key_name == our_key().name(); };
  CHECK(std::ranges::count_if(served->signatures, ours) == 1);
  bool packed = compressed_by_us(info.compression, info.nar_hash, url);
  CHECK(served->compression == (packed ? nix::Compression::zstd : info.compression));
  CHECK(served->file_size == (packed ? std::nullopt : info.file_size));
  CHECK(served->file_hash == (packed ? std::nullopt : info.file_hash));
  // Served once more, by the next cache of the same name, it stays as it is.
  CHECK(served_text(*served, url, {&our_key(), 1}) == *text);
}

}  // namespace

FUZZ_TARGET(nar_info_rendering) {
  auto info = nix::parse_nar_info(input);
  if (!info) return;
  auto urls = announced_urls(*info);
  CHECK(!urls.empty() && urls.size() <= 3);
  for (const auto& url : urls) {
    CHECK(url.query().empty());
    check_served(*info, url);
  }
  auto unsigned_text = served_text(*info, urls.front(), {});
  CHECK(unsigned_text && etag_of(*unsigned_text).size() == 34);
  CHECK(nix::parse_nar_info(*unsigned_text)->signatures == info->signatures);
}

}  // namespace ncps::cache
