#include "nix/hash.h"

#include <gtest/gtest.h>

#include <string>

#include "nix/compression.h"

namespace ncps::nix {
namespace {

constexpr const char* kNix32 = "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s";
constexpr const char* kHex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kBase64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

TEST(Hash, IsReadInEveryFormAndWrittenInOne) {
  const Hash expected(crypto::sha256("abc"));
  for (const auto& text : {std::string("sha256:") + kNix32, std::string("sha256:") + kHex,
                           std::string("sha256:") + kBase64, std::string("sha256-") + kBase64}) {
    auto hash = Hash::parse(text);
    ASSERT_TRUE(hash) << text;
    EXPECT_EQ(*hash, expected);
    EXPECT_EQ(hash->str(), std::string("sha256:") + kNix32);
  }
  EXPECT_EQ(Hash::parse_bare(kNix32).value(), expected);
  EXPECT_EQ(Hash::parse_bare(kHex).value(), expected);
  EXPECT_EQ(expected.nix32(), kNix32);
}

TEST(Hash, RefusesTheRest) {
  const std::string nix32 = kNix32;
  for (const auto& text :
       {std::string(), std::string("sha256"), std::string("sha256:"), std::string("sha256-"), nix32,
        "sha1:" + nix32, "sha512:" + nix32, "SHA256:" + nix32, "sha256=" + nix32,
        "sha256:" + nix32 + "0", "sha256:" + nix32.substr(1), "sha256:" + nix32.substr(1) + "e",
        "sha256:z" + nix32.substr(1), "sha256-" + nix32, std::string("sha256-") + kHex,
        "sha256: " + nix32, "sha256:sha256:" + nix32, "sha256:" + nix32 + "\n"}) {
    auto hash = Hash::parse(text);
    ASSERT_FALSE(hash) << text;
    EXPECT_EQ(hash.error().kind(), ErrorKind::invalid);
  }
  EXPECT_FALSE(Hash::parse_bare("sha256:" + nix32));
  EXPECT_FALSE(Hash::parse_bare(kBase64));
  EXPECT_FALSE(Hash::parse_bare(""));
}

TEST(Compression, NamesComeBack) {
  for (const char* name : {"none", "br", "bzip2", "compress", "grzip", "gzip", "lrzip", "lz4",
                           "lzip", "lzma", "lzop", "xz", "zstd"}) {
    auto compression = parse_compression(name);
    ASSERT_TRUE(compression) << name;
    EXPECT_EQ(to_string(*compression), name);
  }
}

TEST(Compression, NoNameIsBzip2AndUnknownOnesAreRefused) {
  EXPECT_EQ(parse_compression("").value(), Compression::bzip2);
  for (const char* name : {"XZ", "zst", "gz", "deflate", " xz", "xz ", "identity"}) {
    EXPECT_FALSE(parse_compression(name)) << name;
  }
}

TEST(Compression, ExtensionsAreThoseOfNix) {
  EXPECT_EQ(extension(Compression::xz), ".xz");
  EXPECT_EQ(extension(Compression::zstd), ".zst");
  EXPECT_EQ(extension(Compression::bzip2), ".bz2");
  EXPECT_EQ(extension(Compression::br), ".br");
  EXPECT_EQ(extension(Compression::lz4), ".lz4");
  EXPECT_EQ(extension(Compression::lzip), ".lzip");
  EXPECT_EQ(extension(Compression::none), "");
  EXPECT_EQ(extension(Compression::gzip), "");  // Nix writes a plain ".nar" there
}

}  // namespace
}  // namespace ncps::nix
