#include "codec/decompressor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "codec/testing/compress.h"

namespace ncps::codec {
namespace {

using nix::Compression;

using NextSize = std::function<std::size_t()>;

// Everything at once, or in pieces whose sizes `next_size` gives.
Result<std::string> decompress(
    Compression compression, std::string_view bytes,
    const NextSize& next_size = [] { return SIZE_MAX; }) {
  TRY(auto decompressor, make_decompressor(compression));
  std::string plain;
  const Sink sink = [&](std::string_view piece) -> Result<void> {
    EXPECT_FALSE(piece.empty());
    EXPECT_TRUE(compression == Compression::none || piece.size() <= 64 * 1024);
    plain += piece;
    return {};
  };
  while (!bytes.empty()) {
    const auto size = std::min(bytes.size(), next_size());
    TRY(decompressor->feed(bytes.substr(0, size), sink));
    bytes.remove_prefix(size);
  }
  TRY(decompressor->finish(sink));
  return plain;
}

// Text that compresses, mixed with noise that does not.
std::string sample(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    if (random() % 2 == 0) {
      text += "entry name node type regular contents ";
    } else {
      for (int i = 0; i < 32; ++i) text.push_back(static_cast<char>(random()));
    }
  }
  text.resize(size);
  return text;
}

class EveryDecompressor : public ::testing::TestWithParam<Compression> {
 protected:
  Compression compression() const { return GetParam(); }
  bool is(std::initializer_list<Compression> some) const {
    return std::ranges::find(some, GetParam()) != some.end();
  }
  bool has_checksum() const { return !is({Compression::none, Compression::br, Compression::lzma}); }
};

class CompressedFormat : public EveryDecompressor {};
class FormatOfManyStreams : public EveryDecompressor {};
class FormatOfOneStream : public EveryDecompressor {};

TEST_P(EveryDecompressor, GivesBackWhatWasCompressed) {
  for (std::size_t size : {0, 1, 7, 1000, 65'535, 65'536, 65'537, 131'072, 3'000'000}) {
    const auto plain = sample(size, 1);
    auto back = decompress(compression(), compress(compression(), plain));
    ASSERT_TRUE(back) << back.error().what();
    EXPECT_TRUE(*back == plain) << size;
  }
}

TEST_P(EveryDecompressor, GivesBackZerosThatFillEveryBuffer) {
  const std::string plain(10 << 20, '\0');
  EXPECT_TRUE(decompress(compression(), compress(compression(), plain)).value() == plain);
}

TEST_P(EveryDecompressor, DoesNotDependOnTheSplit) {
  const auto plain = sample(1500, 2);
  const auto bytes = compress(compression(), plain);
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    auto back = decompress(compression(), bytes, [&] { return size; });
    ASSERT_TRUE(back) << size << ": " << back.error().what();
    ASSERT_EQ(*back, plain) << size;
  }
  const auto large = sample(400'000, 3);
  const auto large_bytes = compress(compression(), large);
  std::mt19937 random(4);
  for (int round = 0; round < 10; ++round) {
    auto next = [&] { return std::size_t{1} + random() % 20'000; };
    ASSERT_TRUE(decompress(compression(), large_bytes, next).value() == large);
  }
}

TEST_P(EveryDecompressor, EmptyPiecesChangeNothing) {
  auto decompressor = make_decompressor(compression()).value();
  std::string plain;
  const Sink sink = [&](std::string_view piece) -> Result<void> {
    plain += piece;
    return {};
  };
  ASSERT_TRUE(decompressor->feed("", sink));
  for (char c : compress(compression(), "some text")) {
    ASSERT_TRUE(decompressor->feed(std::string_view(&c, 1), sink));
    ASSERT_TRUE(decompressor->feed("", sink));
  }
  ASSERT_TRUE(decompressor->finish(sink));
  EXPECT_EQ(plain, "some text");
}

TEST_P(FormatOfManyStreams, MakesOneBodyOfThem) {
  const std::string parts[] = {sample(70'000, 5), "", "x", sample(65'536, 6)};
  std::string plain;
  std::string bytes;
  for (const auto& part : parts) {
    plain += part;
    bytes += compress(compression(), part);
  }
  EXPECT_TRUE(decompress(compression(), bytes).value() == plain);
  EXPECT_TRUE(decompress(compression(), bytes, [] { return 1; }).value() == plain);
}

TEST_P(FormatOfOneStream, RefusesASecondOne) {
  const auto one = compress(compression(), "text");
  EXPECT_FALSE(decompress(compression(), one + one));
  EXPECT_FALSE(decompress(compression(), one + one, [] { return 1; }));
}

TEST_P(CompressedFormat, BytesBehindTheEndAreCorrupt) {
  const auto bytes = compress(compression(), sample(1000, 7)) + "garbage behind the end";
  for (auto size : {SIZE_MAX, std::size_t{1}}) {
    auto back = decompress(compression(), bytes, [&] { return size; });
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().kind(), ErrorKind::corrupt);
  }
}

TEST_P(CompressedFormat, EveryTruncationFailsAtTheEnd) {
  const auto bytes = compress(compression(), sample(1500, 8));
  for (std::size_t size = 0; size < bytes.size(); ++size) {  // 0: no input is no stream
    auto decompressor = make_decompressor(compression()).value();
    const Sink ignore = [](std::string_view) { return Result<void>(); };
    ASSERT_TRUE(decompressor->feed(std::string_view(bytes).substr(0, size), ignore)) << size;
    auto finished = decompressor->finish(ignore);
    ASSERT_FALSE(finished) << size << " of " << bytes.size();
    ASSERT_EQ(finished.error().kind(), ErrorKind::corrupt);
    ASSERT_TRUE(finished.error().what().starts_with(nix::to_string(compression())));
  }
}

TEST_P(EveryDecompressor, AFlippedBitIsNoticedOrWithoutEffect) {
  const auto plain = sample(600, 9);
  const auto bytes = compress(compression(), plain);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto bent = bytes;
    bent[bit / 8] = static_cast<char>(bent[bit / 8] ^ (1 << (bit % 8)));
    auto back = decompress(compression(), bent);
    if (has_checksum() && back) ASSERT_EQ(*back, plain) << "bit " << bit;
    if (!back) ++refused;
  }
  if (has_checksum()) EXPECT_GT(refused, bytes.size() * 7);  // some bits of headers mean nothing
}

TEST_P(CompressedFormat, NoiseIsRefused) {
  std::mt19937 random(10);
  int accepted = 0;
  for (int round = 0; round < 300; ++round) {
    std::string noise(1 + random() % 300, '\0');
    for (auto& c : noise) c = static_cast<char>(random());
    if (decompress(compression(), noise)) ++accepted;
  }
  // Brotli has no magic number: a few bytes of noise can be an empty stream.
  EXPECT_LE(accepted, compression() == Compression::br ? 10 : 0);
}

TEST_P(EveryDecompressor, AnErrorOfTheSinkIsHandedUp) {
  const auto bytes = compress(compression(), sample(300'000, 11));
  auto decompressor = make_decompressor(compression()).value();
  int calls = 0;
  const Sink full = [&](std::string_view) -> Result<void> {
    ++calls;
    return fail(ErrorKind::unavailable, "disk full");
  };
  auto fed = decompressor->feed(bytes, full);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().kind(), ErrorKind::unavailable);
  EXPECT_EQ(fed.error().what(), "disk full");
  EXPECT_EQ(calls, 1);
}

TEST_P(CompressedFormat, ABombStopsWhenTheSinkHasEnough) {
  const auto frame = compress(compression(), std::string(64 << 20, '\0'));
  std::string bomb;  // 1 GiB, where streams may follow each other
  for (int i = 0; i < 16; ++i) bomb += frame;
  auto decompressor = make_decompressor(compression()).value();
  std::size_t taken = 0;
  const Sink sink = [&](std::string_view piece) -> Result<void> {
    taken += piece.size();
    if (taken > 1 << 20) return fail(ErrorKind::corrupt, "more than announced");
    return {};
  };
  auto fed = decompressor->feed(bomb, sink);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().what(), "more than announced");
  EXPECT_LE(taken, (1U << 20) + 64 * 1024);
  EXPECT_FALSE(decompressor->finish(sink));
}

TEST_P(CompressedFormat, WhatABombHoldsComesOutInTurns) {
  const std::string zeros(48 << 20, '\0');
  const auto bomb = compress(compression(), zeros);
  ASSERT_LT(bomb.size(), zeros.size() / 200);
  auto decompressor = make_decompressor(compression()).value();
  std::size_t out = 0, most = 0;
  const Sink count = [&](std::string_view piece) -> Result<void> {
    out += piece.size();
    return {};
  };
  int turns = 0;
  for (std::string_view left = bomb; !left.empty(); ++turns) {
    auto before = out;
    auto taken = decompressor->feed_some(left, count);
    ASSERT_TRUE(taken) << taken.error().what();
    left.remove_prefix(*taken);
    most = std::max(most, out - before);
  }
  ASSERT_TRUE(decompressor->finish(count));
  EXPECT_EQ(out, zeros.size());
  EXPECT_LE(most, Decompressor::kTurn + 64 * 1024);
  EXPECT_GE(turns, 2);
}

constexpr auto kName = [](const auto& info) { return std::string(to_string(info.param)); };

INSTANTIATE_TEST_SUITE_P(All, EveryDecompressor,
                         ::testing::Values(Compression::none, Compression::br, Compression::bzip2,
                                           Compression::gzip, Compression::lz4, Compression::lzip,
                                           Compression::lzma, Compression::xz, Compression::zstd),
                         kName);
INSTANTIATE_TEST_SUITE_P(All, CompressedFormat,
                         ::testing::Values(Compression::br, Compression::bzip2, Compression::gzip,
                                           Compression::lz4, Compression::lzip, Compression::lzma,
                                           Compression::xz, Compression::zstd),
                         kName);
INSTANTIATE_TEST_SUITE_P(All, FormatOfManyStreams,
                         ::testing::Values(Compression::none, Compression::bzip2, Compression::gzip,
                                           Compression::lz4, Compression::lzip, Compression::xz,
                                           Compression::zstd),
                         kName);
INSTANTIATE_TEST_SUITE_P(All, FormatOfOneStream,
                         ::testing::Values(Compression::br, Compression::lzma), kName);

TEST(Decompressor, NoneTakesAnythingAlsoNothing) {
  EXPECT_EQ(decompress(Compression::none, "").value(), "");
  EXPECT_EQ(decompress(Compression::none, std::string("a\0b", 3)).value(), std::string("a\0b", 3));
}

TEST(Decompressor, FormatsThatNobodyUsesAreInvalid) {
  for (auto compression :
       {Compression::compress, Compression::grzip, Compression::lrzip, Compression::lzop}) {
    auto decompressor = make_decompressor(compression);
    ASSERT_FALSE(decompressor);
    EXPECT_EQ(decompressor.error().kind(), ErrorKind::invalid);
  }
}

TEST(Decompressor, XzMayBePaddedByZerosInFours) {
  const auto bytes = compress(Compression::xz, "text");
  EXPECT_EQ(decompress(Compression::xz, bytes + std::string(8, '\0')).value(), "text");
  EXPECT_FALSE(decompress(Compression::xz, bytes + std::string(3, '\0')));
}

TEST(Decompressor, ZstdSkipsSkippableFrames) {
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  const auto bytes = compress(Compression::zstd, "text");
  EXPECT_EQ(decompress(Compression::zstd, skippable + bytes + skippable).value(), "text");
}

// A frame of one raw byte whose header asks for a window of 2^(10 + exponent) bytes.
std::string zstd_with_window(int exponent) {
  std::string frame("\x28\xb5\x2f\xfd\x00", 5);
  frame.push_back(static_cast<char>(exponent << 3));
  return frame + std::string("\x09\x00\x00x", 4);
}

TEST(Decompressor, ZstdWindowsEndAt128MiB) {
  EXPECT_EQ(decompress(Compression::zstd, zstd_with_window(17)).value(), "x");
  auto back = decompress(Compression::zstd, zstd_with_window(18));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind(), ErrorKind::corrupt);
}

TEST(Decompressor, LzmaDictionariesEndAt256MiB) {
  auto bytes = compress(Compression::lzma, "text");
  bytes.replace(1, 4,
                std::string("\0\0\0\x20", 4));  // the header's size of the dictionary: 512 MiB
  auto back = decompress(Compression::lzma, bytes);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind(), ErrorKind::corrupt);
  EXPECT_NE(back.error().what().find("256 MiB"), std::string::npos);
}

TEST(Decompressor, GzipIsNotZlib) {
  EXPECT_FALSE(decompress(Compression::gzip, std::string("\x78\x9c\x03\0\0\0\0\x01", 8)));
}

}  // namespace
}  // namespace ncps::codec
