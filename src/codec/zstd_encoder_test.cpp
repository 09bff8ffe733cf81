#include "codec/zstd_encoder.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <string>

namespace ncps::codec {
namespace {

// Compresses well here and there, and not at all elsewhere, as NARs do.
std::string content_of(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    out[i] = static_cast<char>(i / 10'000 % 2 == 0 ? state >> 24 : i / 64);
  }
  return out;
}

struct Encoded {
  std::string bytes;
  std::size_t largest = 0;  // piece
};

Result<Encoded> encode(std::string_view content, std::size_t piece, std::uint64_t announced) {
  Encoded out;
  auto sink = [&](std::string_view part) -> Result<void> {
    out.largest = std::max(out.largest, part.size());
    out.bytes += part;
    return {};
  };
  TRY(auto encoder, ZstdEncoder::make(announced));
  while (!content.empty()) {
    auto part = content.substr(0, piece);
    TRY(encoder.feed(part, sink));
    content.remove_prefix(part.size());
  }
  TRY(encoder.finish(sink));
  return out;
}

std::string decode(std::string_view bytes) {
  std::string out;
  auto sink = [&](std::string_view part) -> Result<void> {
    out += part;
    return {};
  };
  auto decompressor = make_decompressor(nix::Compression::zstd).value();
  EXPECT_TRUE(decompressor->feed(bytes, sink));
  EXPECT_TRUE(decompressor->finish(sink));
  return out;
}

TEST(ZstdEncoder, WhatComesOutIsOneFrameOfWhatWentInHoweverItWasCut) {
  for (std::size_t size : {0UL, 1UL, 131'071UL, 131'072UL, 131'073UL, 3'000'000UL}) {
    auto content = content_of(size);
    for (std::size_t piece : {7'777UL, 131'072UL, 1UL << 20, 1UL << 30}) {
      SCOPED_TRACE(std::to_string(size) + " in pieces of " + std::to_string(piece));
      auto encoded = encode(content, piece, size).value();
      EXPECT_TRUE(decode(encoded.bytes) == content);
      EXPECT_EQ(ZSTD_findFrameCompressedSize(encoded.bytes.data(), encoded.bytes.size()),
                encoded.bytes.size());
      EXPECT_EQ(ZSTD_getFrameContentSize(encoded.bytes.data(), encoded.bytes.size()), size);
      EXPECT_LE(encoded.largest, 131'072u);
    }
  }
}

TEST(ZstdEncoder, ADecoderWithEightMebibytesOfWindowReadsIt) {
  auto content = content_of(20'000'000);
  auto encoded = encode(content, 1 << 20, content.size()).value();
  auto* decoder = ZSTD_createDCtx();
  ASSERT_FALSE(ZSTD_isError(ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, 23)));
  std::string out(content.size(), '\0');
  ZSTD_inBuffer in{encoded.bytes.data(), encoded.bytes.size(), 0};
  for (std::size_t done = 0; in.pos < in.size;) {
    // In pieces: a decoder that has all the room at once needs no window.
    ZSTD_outBuffer piece{out.data() + done, std::min<std::size_t>(100'000, out.size() - done), 0};
    ASSERT_FALSE(ZSTD_isError(ZSTD_decompressStream(decoder, &piece, &in)));
    done += piece.pos;
  }
  EXPECT_TRUE(out == content);
  ZSTD_freeDCtx(decoder);
}

TEST(ZstdEncoder, AFlippedBitIsSeenByItsChecksum) {
  auto content = content_of(300'000);
  auto encoded = encode(content, 50'000, content.size()).value();
  encoded.bytes.back() = static_cast<char>(encoded.bytes.back() ^ 1);
  auto decompressor = make_decompressor(nix::Compression::zstd).value();
  auto fed = decompressor->feed(encoded.bytes, [](std::string_view) { return Result<void>(); });
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind(), ErrorKind::corrupt);
}

TEST(ZstdEncoder, AnotherNumberOfBytesThanAnnouncedIsAnError) {
  auto content = content_of(300'000);
  for (std::uint64_t announced : {0ULL, 299'999ULL, 300'001ULL, 1ULL << 62}) {
    auto encoded = encode(content, 50'000, announced);
    ASSERT_FALSE(encoded) << announced;
    EXPECT_EQ(encoded.error().kind(), ErrorKind::internal);
  }
}

TEST(ZstdEncoder, WhatTheSinkRefusesEndsIt) {
  auto encoder = ZstdEncoder::make(3'000'000).value();
  auto refuse = [](std::string_view) -> Result<void> {
    return fail(ErrorKind::unavailable, "full");
  };
  auto fed = encoder.feed(content_of(3'000'000), refuse);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::codec
