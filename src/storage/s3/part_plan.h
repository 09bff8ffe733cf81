// How a blob is cut into parts for a multipart upload. Pure.
//
// 8 MiB, doubled after each thousand parts: the 10,000 that a server takes hold 7.8 TiB, more than
// the 5 TB that an object may have, and each is smaller than the 5 GiB that a part may have. The
// first thousand are all of one size, which some servers want of all of them.
// Source: Amazon S3 User Guide, "Multipart upload limits".
#pragma once

#include <cstdint>

namespace ncps::s3 {

inline constexpr std::uint64_t kFirstPartBytes = 8 << 20;
inline constexpr int kMostParts = 10'000;

// Of the part with that number, from 1, unless it is the last one.
constexpr std::uint64_t part_bytes(int number) noexcept {
  return kFirstPartBytes << ((number - 1) / 1'000);
}

}  // namespace ncps::s3
