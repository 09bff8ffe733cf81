#include "crypto/hmac.h"

#include <gtest/gtest.h>

#include <string>

#include "crypto/encoding.h"

namespace ncps::crypto {
namespace {

std::string counted(int first, int last) {
  std::string out;
  for (int i = first; i <= last; ++i) out.push_back(static_cast<char>(i));
  return out;
}

TEST(HmacSha256, AgreesWithRfc4231) {
  struct Vector {
    std::string key, message, hex;
  };
  const Vector vectors[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {counted(1, 25), std::string(50, '\xcd'),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The "
       "key needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& [key, message, hex] : vectors) EXPECT_EQ(to_hex(hmac_sha256(key, message)), hex);
}

TEST(HmacSha256, TakesAnEmptyKeyAndAnEmptyMessage) {
  const auto* empty = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  EXPECT_EQ(to_hex(hmac_sha256("", "")), empty);
  EXPECT_EQ(to_hex(hmac_sha256({}, {})), empty);
}

TEST(HmacSha256, KeysMayHoldZeroes) {
  EXPECT_NE(hmac_sha256(std::string("a\0b", 3), "x"), hmac_sha256("a", "x"));
}

TEST(SameSecret, IsTheSameBytesAndNoOthers) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("secret", "secret"));
  for (auto other : {"", "secre", "secrets", "Secret", "secreT"})
    EXPECT_FALSE(same_secret("secret", other)) << other;
}

}  // namespace
}  // namespace ncps::crypto
