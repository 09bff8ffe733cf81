// How much a NAR and its file may be at most, whatever anybody says of them. Pure.
#pragma once

#include <cstdint>

namespace ncps::cache {

// Of a NAR of which nobody has said how large it is.
inline constexpr std::uint64_t kMostUnknownNarBytes = 1ULL << 40;

// Of the file of a NAR of that size. No signature covers FileSize, and every format has a way to add bytes without
// end of which nothing comes out; no encoder makes more of anything.
constexpr std::uint64_t most_file_bytes(std::uint64_t nar_size) {
  return nar_size + nar_size / 16 + (1 << 20);
}

}  // namespace ncps::cache
