// Samples: store paths as an upstream announces them, made from nothing but a name.
#pragma once

#include <random>
#include <span>
#include <string>
#include <string_view>

#include "codec/testing/compress.h"
#include "crypto/encoding.h"
#include "db/catalog.h"
#include "nix/nar_info.h"
#include "nix/nar_url.h"
#include "nix/testing/nar_of.h"

namespace ncps::cache {

struct Sample {
  nix::NarInfo info;
  std::string nar;   // decompressed
  std::string file;  // as it lies at the upstream

  const nix::StorePathHash& hash() const { return info.store_path.hash(); }
  std::string text() const { return nix::print_nar_info(info); }
  nix::NarUrl url() const { return nix::NarUrl::parse(info.url).value(); }
  void sign(const nix::SecretKey& key) {
    info.signatures.push_back(key.sign(nix::fingerprint(info)).value());
  }
  db::NarRow row(std::string upstream) const {
    return {.url = url(),
            .nar_hash = info.nar_hash,
            .nar_size = info.nar_size,
            .compression = info.compression,
            .file_hash = info.file_hash,
            .file_size = info.file_size,
            .upstream = std::move(upstream),
            .upstream_url = info.url,
            .stored_size = {}};
  }
};

// `size` bytes that do not compress, the same for the same seed.
inline std::string noise(std::string_view seed, std::size_t size) {
  std::seed_seq words(seed.begin(), seed.end());
  std::mt19937 engine(words);
  std::string out(size, '\0');
  for (auto& c : out) c = static_cast<char>(engine());
  return out;
}

inline Sample make_sample(std::string_view name, std::size_t size = 100'000,
                          nix::Compression compression = nix::Compression::xz) {
  auto nar = nix::nar_of(noise(name, size));
  auto file = codec::compress(compression, nar);
  auto digest = crypto::sha256(name);
  auto base_name = crypto::to_nix32(std::span(digest).first(20)) + "-" + std::string(name);
  auto file_hash = nix::Hash(crypto::sha256(file));
  nix::NarInfo info{
      .store_path = nix::StorePath::parse_base_name(base_name).value(),
      .url = "nar/" + file_hash.nix32() + ".nar" + std::string(nix::extension(compression)),
      .compression = compression,
      .file_hash = file_hash,
      .file_size = file.size(),
      .nar_hash = nix::Hash(crypto::sha256(nar)),
      .nar_size = nar.size(),
      .references = {},
      .deriver = {},
      .signatures = {},
      .ca = {},
      .other = {}};
  return {.info = std::move(info), .nar = std::move(nar), .file = std::move(file)};
}

}  // namespace ncps::cache
