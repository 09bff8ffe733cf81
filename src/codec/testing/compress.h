// Compressed bytes for tests: one whole stream of each format that codec/decompressor.h reads, with
// the format's checksum where it has one.
#pragma once

#include <string>
#include <string_view>

#include "nix/compression.h"

namespace ncps::codec {

// REQUIRES: a compression that make_decompressor() knows.
std::string compress(nix::Compression compression, std::string_view plain);

}  // namespace ncps::codec
