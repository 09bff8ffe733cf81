#include "crypto/ed25519.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "crypto/encoding.h"

namespace ncps::crypto {
namespace {

template <class Array>
Array from_hex_text(const std::string& hex) {
  Array array{};
  auto bytes = from_hex(hex).value();
  EXPECT_EQ(bytes.size(), array.size());
  std::ranges::copy(bytes, array.begin());
  return array;
}

struct Vector {
  const char* seed;
  const char* key;
  const char* message;
  const char* signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Ed25519, SignsAndVerifiesTheVectorsOfTheRfc) {
  for (const auto& v : kVectors) {
    auto secret = from_hex_text<Ed25519Secret>(std::string(v.seed) + v.key);
    auto raw = from_hex(v.message).value();
    const std::string message(raw.begin(), raw.end());
    auto expected = from_hex_text<Ed25519Signature>(v.signature);
    EXPECT_TRUE(consistent(secret));
    EXPECT_EQ(sign(secret, message).value(), expected);
    EXPECT_TRUE(verify(public_half(secret), message, expected));
  }
}

TEST(Ed25519, RefusesWhatDiffersInOneBit) {
  auto secret = generate_ed25519().value();
  auto key = public_half(secret);
  auto signature = sign(secret, "message").value();
  ASSERT_TRUE(verify(key, "message", signature));
  EXPECT_FALSE(verify(key, "Message", signature));
  EXPECT_FALSE(verify(key, "message ", signature));
  for (std::size_t bit = 0; bit < signature.size() * 8; bit += 7) {
    auto bent = signature;
    bent[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify(key, "message", bent)) << bit;
  }
  EXPECT_FALSE(verify(public_half(generate_ed25519().value()), "message", signature));
}

TEST(Ed25519, NewKeysDifferAndAreConsistent) {
  auto a = generate_ed25519().value();
  auto b = generate_ed25519().value();
  EXPECT_NE(a, b);
  EXPECT_TRUE(consistent(a));
}

TEST(Ed25519, ADamagedHalfIsNoticed) {
  auto secret = generate_ed25519().value();
  secret.back() ^= 1;
  EXPECT_FALSE(consistent(secret));
  secret.back() ^= 1;
  secret.front() ^= 1;
  EXPECT_FALSE(consistent(secret));
}

TEST(Ed25519, AKeyThatIsNoPointVerifiesNothing) {
  Ed25519Public key{};
  key.fill(0xff);
  EXPECT_FALSE(verify(key, "", Ed25519Signature{}));
}

}  // namespace
}  // namespace ncps::crypto
