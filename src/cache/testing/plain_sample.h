// A sample as upstreams have it that do not compress (harmonia): its NAR, at a URL that only a
// query completes, without FileHash and FileSize.
#pragma once

#include "cache/nar_info_rendering.h"
#include "cache/testing/sample.h"
#include "codec/decompressor.h"

namespace ncps::cache {

// Half of it compresses well.
inline Sample plain_sample(std::string_view name, std::size_t size = 300'000) {
  auto sample = make_sample(name, size, nix::Compression::none);
  sample.nar = nix::nar_of(noise(name, size / 2) + std::string(size - size / 2, 'x'));
  sample.file = sample.nar;
  sample.info.nar_hash = nix::Hash(crypto::sha256(sample.nar));
  sample.info.nar_size = sample.nar.size();
  sample.info.file_hash.reset();
  sample.info.file_size.reset();
  sample.info.url = "nar/" + sample.info.nar_hash.nix32() +
                    ".nar?hash=" + std::string(sample.info.store_path.hash().str());
  return sample;
}

// Its row, as announced.
inline db::NarRow plain_row(const Sample& sample, std::string upstream) {
  auto row = sample.row(std::move(upstream));
  row.url = announced_urls(sample.info).front();
  return row;
}

// What zstd bytes hold; empty if they are no whole stream.
inline std::string unzstd(std::string_view bytes) {
  std::string out;
  auto sink = [&](std::string_view part) -> Result<void> {
    out += part;
    return {};
  };
  auto decompressor = codec::make_decompressor(nix::Compression::zstd).value();
  if (!decompressor->feed(bytes, sink) || !decompressor->finish(sink)) return {};
  return out;
}

}  // namespace ncps::cache
