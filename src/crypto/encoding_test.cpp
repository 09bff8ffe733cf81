#include "crypto/encoding.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ncps::crypto {
namespace {

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

struct Nix32Vector {
  const char* hex;
  const char* nix32;
};

TEST(Nix32, AgreesWithNix) {
  // Made by `nix-hash --to-base32`.
  const Nix32Vector vectors[] = {
      {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"},
      {"0a430879c266f8b57f4092a0f935cf3facd48bbccde5760d4748ca405171e969",
       "0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa"},
      {"5cd32695f60826598f406db46712534bdf4f8089efa3709b9965d96c37e4934d",
       "0kckwhvnrnb5k6dp18zgi604zpsbac96gd3d827mj9h8ysajdlsw"},
      {"0102030405060708090a0b0c0d0e0f1011121314", "2h9i448h1w70s30b184hh1q60l2060h1"},
      {"00000000000000000000000000000000000000ff", "zw000000000000000000000000000000"},
  };
  for (const auto& [hex, nix32] : vectors) {
    auto bytes = from_hex(hex).value();
    EXPECT_EQ(to_nix32(bytes), nix32);
    EXPECT_EQ(from_nix32(nix32, bytes.size()).value(), bytes);
  }
}

TEST(Nix32, EveryLengthComesBack) {
  std::mt19937 random(32);
  for (std::size_t size = 0; size <= 64; ++size) {
    Bytes bytes(size);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    EXPECT_EQ(from_nix32(to_nix32(bytes), size).value(), bytes) << size;
  }
}

TEST(Nix32, RefusesWhatIsNotIt) {
  const std::string good(52, '0');
  ASSERT_TRUE(from_nix32(good, 32));
  EXPECT_FALSE(from_nix32(good + "0", 32));
  EXPECT_FALSE(from_nix32(good.substr(1), 32));
  EXPECT_FALSE(from_nix32("", 32));
  for (char bad : std::string_view("eotuEAZ -_./\0\x80\xff", 15)) {
    auto text = good;
    text[7] = bad;
    EXPECT_FALSE(from_nix32(text, 32)) << int{bad};
  }
  // 52 digits hold 260 bits: the first may only say 0 or 1.
  EXPECT_TRUE(from_nix32("1" + good.substr(1), 32));
  EXPECT_FALSE(from_nix32("2" + good.substr(1), 32));
  EXPECT_FALSE(from_nix32("z" + good.substr(1), 32));
  EXPECT_EQ(from_nix32("2" + good.substr(1), 32).error().kind(), ErrorKind::invalid);
}

TEST(Nix32, AlphabetLacksEOTU) {
  EXPECT_TRUE(is_nix32("0123456789abcdfghijklmnpqrsvwxyz"));
  EXPECT_TRUE(is_nix32(""));
  for (const char* bad : {"e", "o", "t", "u", "A", "0 ", "-", "\xc3\xa9"}) {
    EXPECT_FALSE(is_nix32(bad)) << bad;
  }
}

TEST(Hex, ReadsBothCasesAndWritesLower) {
  EXPECT_EQ(from_hex("00fFaB").value(), (Bytes{0x00, 0xff, 0xab}));
  EXPECT_EQ(to_hex(Bytes{0x00, 0xff, 0xab}), "00ffab");
  EXPECT_TRUE(from_hex("").value().empty());
  for (const char* bad : {"0", "0g", "0x00", " 00", "00\n", "G0"}) {
    EXPECT_FALSE(from_hex(bad)) << bad;
  }
}

TEST(Base64, AgreesWithRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(to_base64(bytes_of(plain)), text);
    EXPECT_EQ(from_base64(text).value(), bytes_of(plain));
  }
  EXPECT_EQ(to_base64(Bytes{0xfb, 0xff}), "+/8=");
}

TEST(Base64, EveryLengthComesBack) {
  std::mt19937 random(64);
  for (std::size_t size = 0; size <= 100; ++size) {
    Bytes bytes(size);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes) << size;
  }
}

TEST(Base64, IsStrict) {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "====", "=", "Z===", "Zh==", "Zm9=", "Zm 9v",
                          "Zm9v\n", "Zg==Zg==", "Zm-_", "\xff\xff\xff\xff", "Zm9v="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

}  // namespace
}  // namespace ncps::crypto
