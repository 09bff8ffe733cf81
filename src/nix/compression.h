// How the file behind a NAR URL is compressed.
//
// Source: Nix, "Compression" of a narinfo; the names are those that Nix 2.35 accepts. The extension
// of a URL is not authoritative (Nix writes plain ".nar" for gzip and others): the narinfo's word
// is.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

enum class Compression : std::uint8_t {
  none,
  br,
  bzip2,
  compress,
  grzip,
  gzip,
  lrzip,
  lz4,
  lzip,
  lzma,
  lzop,
  xz,
  zstd,
};

// An empty name is bzip2, as an absent line is. Errors: invalid.
Result<Compression> parse_compression(std::string_view name);

std::string_view to_string(Compression compression) noexcept;

// The extension after ".nar" that Nix gives it, with its dot: ".xz", ".zst", ".bz2", ".br", ".lz4",
// ".lzip", and "" for everything else.
std::string_view extension(Compression compression) noexcept;

}  // namespace ncps::nix
