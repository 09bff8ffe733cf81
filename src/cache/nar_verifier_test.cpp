#include "cache/nar_verifier.h"

#include <gtest/gtest.h>

#include <functional>

#include "cache/nar_bounds.h"
#include "cache/testing/sample.h"

namespace ncps::cache {
namespace {

NarExpectation all_of(const Sample& sample) {
  return {.compression = sample.info.compression,
          .file_hash = sample.info.file_hash,
          .file_size = sample.info.file_size,
          .nar_hash = sample.info.nar_hash,
          .nar_size = sample.info.nar_size,
          .either_hash = {}};
}

// The NarHash alone, as for an upstream that says nothing of the file.
NarExpectation nar_of(const Sample& sample) {
  return {.compression = sample.info.compression, .nar_hash = sample.info.nar_hash};
}

Result<void> verify(const NarExpectation& expected, std::string_view file, std::size_t piece) {
  TRY(auto verifier, NarVerifier::make(expected));
  for (std::size_t at = 0; at < file.size(); at += piece)
    TRY(verifier.feed(file.substr(at, piece)));
  TRY(verifier.finish());
  return {};
}

Result<void> verify(const NarExpectation& expected, std::string_view file) {
  return verify(expected, file, file.size() + 1);
}

void expect_corrupt(const Result<void>& result, std::string_view word) {
  ASSERT_FALSE(result) << word;
  EXPECT_EQ(result.error().kind(), ErrorKind::corrupt) << result.error().what();
  EXPECT_NE(result.error().what().find(word), std::string::npos) << result.error().what();
}

constexpr nix::Compression kAll[] = {
    nix::Compression::none,  nix::Compression::xz,   nix::Compression::zstd,
    nix::Compression::bzip2, nix::Compression::gzip, nix::Compression::br,
    nix::Compression::lz4,   nix::Compression::lzip, nix::Compression::lzma};

// All of it would come out of one piece.
TEST(NarVerifier, OfAnUnknownNarNoMoreThanMayBeIsDecompressed) {
  auto nar = nix::nar_of(std::string(10'000'000, '\0'));
  for (auto compression : kAll) {
    auto file = codec::compress(compression, nar);
    auto right = NarVerifier::for_unknown(compression, nar.size()).value();
    EXPECT_TRUE(right.feed(file) && right.finish()) << nix::to_string(compression);
    auto bounded = NarVerifier::for_unknown(compression, 100'000).value();
    expect_corrupt(bounded.feed(file), "larger than");
  }
}

// Nothing comes out of these, so that neither NarSize nor a hash ever says no.
TEST(NarVerifier, AFileThatAddsNothingWithoutEndIsRefused) {
  auto skipped = std::string("\x50\x2a\x4d\x18\x00\x10\x00\x00", 8) + std::string(4096, 'x');
  for (auto [compression, nothing] : {std::pair(nix::Compression::zstd, skipped),
                                      {nix::Compression::lz4, skipped},
                                      {nix::Compression::xz, std::string(4096, '\0')}}) {
    auto sample = make_sample("small", 300, compression);
    auto expected = nar_of(sample);
    expected.nar_size = sample.info.nar_size;
    auto verifier = NarVerifier::make(expected).value();
    ASSERT_TRUE(verifier.feed(sample.file));
    Result<void> fed;
    std::uint64_t bytes = sample.file.size();
    for (; fed && bytes < 8 << 20; bytes += nothing.size()) fed = verifier.feed(nothing);
    expect_corrupt(fed, "far larger");
    EXPECT_LE(bytes, most_file_bytes(sample.info.nar_size) + 2 * nothing.size());
  }
}

TEST(NarVerifier, AcceptsEveryCompressionCutAnywhere) {
  for (auto compression : kAll) {
    auto sample = make_sample("small", 300, compression);
    for (std::size_t piece = 1; piece <= sample.file.size(); ++piece) {
      auto result = verify(all_of(sample), sample.file, piece);
      ASSERT_TRUE(result) << nix::to_string(compression) << " in pieces of " << piece << ": "
                          << result.error().what();
    }
    auto big = make_sample("big", 300'000, compression);
    EXPECT_TRUE(verify(all_of(big), big.file, 65'536)) << nix::to_string(compression);
  }
}

TEST(NarVerifier, SaysWhatDoesNotMatch) {
  for (auto compression : kAll) {
    auto sample = make_sample("one", 3'000, compression);
    auto other = make_sample("two", 3'000, compression);
    auto changed = [&](const std::function<void(NarExpectation&)>& change) {
      auto expected = all_of(sample);
      change(expected);
      return verify(expected, sample.file, 997);
    };
    expect_corrupt(changed([&](auto& e) { e.file_hash = other.info.file_hash; }), "FileHash");
    expect_corrupt(changed([&](auto& e) { ++*e.file_size; }), "FileSize");
    expect_corrupt(changed([&](auto& e) { --*e.file_size; }), "FileSize");
    expect_corrupt(changed([&](auto& e) { e.nar_hash = other.info.nar_hash; }), "NarHash");
    expect_corrupt(changed([&](auto& e) { ++*e.nar_size; }), "NarSize");
    expect_corrupt(changed([&](auto& e) { --*e.nar_size; }), "NarSize");
    EXPECT_FALSE(verify(all_of(sample), other.file));
  }
}

TEST(NarVerifier, ATruncatedFileIsCorruptWhereverItEnds) {
  for (auto compression : kAll) {
    auto sample = make_sample("cut", 200, compression);
    for (std::size_t size = 0; size < sample.file.size(); ++size) {
      auto result = verify(nar_of(sample), std::string_view(sample.file).substr(0, size));
      // Of the bytes of an end mark that carries nothing a decoder may do without some; whatever
      // passes has the announced NAR.
      if (result) EXPECT_GE(size + 8, sample.file.size()) << nix::to_string(compression);
      EXPECT_FALSE(verify(all_of(sample), std::string_view(sample.file).substr(0, size)));
    }
  }
}

TEST(NarVerifier, NoChangedByteOfTheFilePasses) {
  for (auto compression : kAll) {
    auto sample = make_sample("flip", 200, compression);
    for (std::size_t at = 0; at < sample.file.size(); ++at) {
      auto wrong = sample.file;
      wrong[at] = static_cast<char>(wrong[at] ^ 0x40);
      EXPECT_FALSE(verify(all_of(sample), wrong)) << nix::to_string(compression) << " at " << at;
    }
  }
}

TEST(NarVerifier, BytesAfterTheNarAreCorruptEvenIfTheHashSaysSo) {
  for (auto compression : kAll) {
    auto sample = make_sample("more", 500);
    auto nar = sample.nar + std::string(8, '\0');
    auto file = codec::compress(compression, nar);
    NarExpectation expected{.compression = compression,
                            .nar_hash = nix::Hash(crypto::sha256(nar)),
                            .nar_size = nar.size()};
    auto result = verify(expected, file);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::corrupt);
  }
}

TEST(NarVerifier, GarbageAfterTheCompressedStreamIsCorrupt) {
  for (auto compression : kAll) {
    auto sample = make_sample("garbage", 500, compression);
    for (auto garbage : {"garbage behind the end", "x"}) {
      auto result = verify(nar_of(sample), sample.file + garbage);
      EXPECT_FALSE(result) << nix::to_string(compression) << " " << garbage;
    }
  }
}

TEST(NarVerifier, ABombStopsAtNarSize) {
  auto sample = make_sample("bomb", 1'000);
  auto nar = nix::nar_of(std::string(64 << 20, 'a'));
  auto file = codec::compress(nix::Compression::zstd, nar);
  ASSERT_LT(file.size(), 100'000u);
  NarExpectation expected{.compression = nix::Compression::zstd,
                          .nar_hash = sample.info.nar_hash,
                          .nar_size = sample.info.nar_size};
  auto verifier = NarVerifier::make(expected).value();
  // In the first bytes already, not once all of it has been decompressed.
  std::size_t fed = 0;
  Result<void> result;
  for (; fed < file.size() && result; fed += 256)
    result = verifier.feed(std::string_view(file).substr(fed, 256));
  expect_corrupt(result, "NarSize");
  EXPECT_LT(fed, file.size() / 2);
}

TEST(NarVerifier, MoreThanFileSizeIsSaidBeforeTheEnd) {
  auto sample = make_sample("long", 1'000);
  auto expected = all_of(sample);
  auto verifier = NarVerifier::make(expected).value();
  ASSERT_TRUE(verifier.feed(sample.file));
  expect_corrupt(verifier.feed("x"), "FileSize");
}

TEST(NarVerifier, ANarKnownByItsNameAloneMustHaveThatHashAsAFileOrDecompressed) {
  for (auto compression : kAll) {
    auto sample = make_sample("named", 2'000, compression);
    auto other = make_sample("other", 2'000, compression);
    NarExpectation expected{.compression = compression, .either_hash = sample.info.file_hash};
    EXPECT_TRUE(verify(expected, sample.file));
    EXPECT_FALSE(verify(expected, other.file));
    expected.either_hash = sample.info.nar_hash;
    EXPECT_TRUE(verify(expected, sample.file));
    EXPECT_FALSE(verify(expected, other.file));
    // The right hash does not help what is no NAR.
    auto junk = codec::compress(compression, "this is no NAR");
    expected.either_hash = nix::Hash(crypto::sha256(junk));
    EXPECT_FALSE(verify(expected, junk));
  }
}

TEST(NarVerifier, WithoutAnyHashOrWithoutADecoderItIsRefusedAtOnce) {
  EXPECT_EQ(NarVerifier::make({.compression = nix::Compression::xz, .file_size = 5, .nar_size = 5})
                .error()
                .kind(),
            ErrorKind::invalid);
  auto sample = make_sample("lzop", 10);
  auto expected = all_of(sample);
  expected.compression = nix::Compression::lzop;
  EXPECT_EQ(NarVerifier::make(expected).error().kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace ncps::cache
