#include "cache/nar_places.h"

#include <algorithm>

#include "cache/nar_info_rendering.h"

namespace ncps::cache {
namespace {

using nix::Compression;

class Places {
 public:
  explicit Places(const nix::NarInfo& info) : info_(info) {}

  // The file has the bytes of the narinfo, under that name.
  void same_bytes(const std::string& name) {
    auto url = nix::NarUrl::parse("nar/" + name);
    // By that name it would be compressed by us, which what lies there may not be.
    if (!url || compressed_by_us(info_.compression, info_.nar_hash, *url)) return;
    bool own = url->str() == info_.url;
    auto described = info_;
    described.url = url->str();
    add(*std::move(url), std::move(described),
        own ? NarPlace::How::as_it_is : NarPlace::How::renamed);
  }

  void compressed_as_by_us() {
    if (info_.compression != Compression::none) return;
    add(nix::NarUrl::for_nar_hash(info_.nar_hash, Compression::zstd), info_,
        NarPlace::How::as_it_is);
  }

  // The file has the same NAR, compressed otherwise.
  void other_bytes(const std::string& stem, Compression compression) {
    if (compression == info_.compression) return;
    auto url = nix::NarUrl::parse("nar/" + stem + ".nar" + std::string(extension(compression)));
    if (!url) return;
    auto described = info_;
    described.url = url->str();
    described.compression = compression;
    described.file_hash.reset();
    described.file_size.reset();
    add(*std::move(url), std::move(described), NarPlace::How::redescribed);
  }

  std::vector<NarPlace> found;

 private:
  void add(nix::NarUrl url, nix::NarInfo described, NarPlace::How how) {
    if (std::ranges::find(found, url, &NarPlace::url) != found.end()) return;
    found.push_back({.url = std::move(url), .info = std::move(described), .how = how});
  }

  const nix::NarInfo& info_;
};

// It names files by the hash alone, where the URL has a store path's before it, or a query after it.
std::vector<std::string> stems(const nix::NarInfo& info, std::span<const db::GoNarFile> files) {
  std::vector<std::string> found;
  if (auto own = nix::NarUrl::parse(info.url)) {
    found.emplace_back(own->stem());
    if (own->hash_in_name()) found.emplace_back(own->stem().substr(own->stem().rfind('-') + 1));
  }
  for (const auto& file : files)
    if (!file.in_chunks) found.push_back(file.hash);
  return found;
}

}  // namespace

std::vector<NarPlace> nar_places(const nix::NarInfo& info, std::span<const db::GoNarFile> files) {
  Places places(info);
  auto names = stems(info, files);
  if (auto own = nix::NarUrl::parse(info.url)) places.same_bytes(std::string(own->file_name()));
  places.compressed_as_by_us();
  auto usual = ".nar" + std::string(extension(info.compression));
  for (const auto& name : names) places.same_bytes(name + usual);
  for (const auto& name : names) places.other_bytes(name, Compression::zstd);
  for (const auto& file : files) {
    auto compression = nix::parse_compression(file.compression);
    if (!file.in_chunks && !file.compression.empty() && compression &&
        *compression != Compression::none)
      places.other_bytes(file.hash, *compression);
  }
  return std::move(places.found);
}

}  // namespace ncps::cache
