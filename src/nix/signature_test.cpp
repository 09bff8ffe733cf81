#include "nix/signature.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::nix {
namespace {

// Made by `nix key generate-secret` and `convert-secret-to-public` for this test.
constexpr const char* kSecret =
    "vec-test-1:3HOadb9ItTaUbKrc90DW2nH2kEzmgMmRPZg8q6q7U9ZLi5/w+ARng/UkCOojLTF8BIEw00BAdjZOaXvd0M"
    "PWqQ==";
constexpr const char* kPublic = "vec-test-1:S4uf8PgEZ4P1JAjqIy0xfASBMNNAQHY2Tml73dDD1qk=";

TEST(SecretKey, ReadsWhatNixWrote) {
  auto key = SecretKey::parse(kSecret);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->name(), "vec-test-1");
  EXPECT_EQ(key->str(), kSecret);
  EXPECT_EQ(key->public_key().str(), kPublic);
  EXPECT_EQ(PublicKey::parse(kPublic).value(), key->public_key());
  EXPECT_TRUE(SecretKey::parse(std::string(" \n") + kSecret + "\r\n"));
}

TEST(SecretKey, SignsForItsPublicKey) {
  auto key = SecretKey::generate("cache.example-1").value();
  auto again = SecretKey::parse(key.str()).value();
  auto signature = again.sign("text").value();
  EXPECT_EQ(signature.key_name, "cache.example-1");
  EXPECT_EQ(Signature::parse(signature.str()).value(), signature);
  EXPECT_TRUE(signed_by_any("text", {signature}, {key.public_key()}));
  EXPECT_FALSE(signed_by_any("Text", {signature}, {key.public_key()}));
}

TEST(SecretKey, ErrorsNeverHoldKeyMaterial) {
  const std::string secret = kSecret;
  for (const auto& damaged :
       {secret.substr(0, secret.size() - 4), secret.substr(11), "x" + secret.substr(11),
        secret + "=", std::string("vec-test-1:4") + secret.substr(12)}) {
    auto key = SecretKey::parse(damaged);
    ASSERT_FALSE(key) << damaged;
    EXPECT_EQ(key.error().kind(), ErrorKind::invalid);
    EXPECT_EQ(key.error().what().find("OadEE"), std::string::npos);
    EXPECT_EQ(key.error().what().find("HOadb9It"), std::string::npos);
  }
  EXPECT_FALSE(SecretKey::parse(kPublic));
  EXPECT_FALSE(SecretKey::parse(""));
}

TEST(SecretKey, NamesCannotBreakALine) {
  for (const char* name : {"", "a:b", "a b", "a\n", "a\tb", "\x01", "a\x7f"}) {
    EXPECT_FALSE(SecretKey::generate(name)) << name;
  }
}

TEST(Signature, NeedsANameAnd64Bytes) {
  const std::string good = SecretKey::generate("k").value().sign("").value().str();
  ASSERT_TRUE(Signature::parse(good));
  for (const auto& bad :
       {std::string(), std::string(":"), std::string("k:"), std::string("k"), good.substr(1),
        good.substr(2), "k:" + good, good + "A===", good.substr(0, good.size() - 4), " " + good,
        good + " ", std::string(kPublic)}) {
    EXPECT_FALSE(Signature::parse(bad)) << bad;
  }
  EXPECT_FALSE(PublicKey::parse(good));
}

TEST(SignedByAny, CountsOnlyGoodSignaturesOfAKeyOfThatName) {
  auto a = SecretKey::generate("a").value();
  auto b = SecretKey::generate("b").value();
  auto other_a = SecretKey::generate("a").value();
  const auto by_a = a.sign("text").value();
  const auto by_b = b.sign("text").value();
  const auto by_other_a = other_a.sign("text").value();
  auto renamed = by_b;
  renamed.key_name = "a";

  EXPECT_FALSE(signed_by_any("text", {}, {a.public_key()}));
  EXPECT_FALSE(signed_by_any("text", {by_a}, {}));
  EXPECT_TRUE(signed_by_any("text", {by_b, by_a}, {a.public_key()}));
  EXPECT_TRUE(signed_by_any("text", {by_other_a, by_a}, {a.public_key()}));
  EXPECT_FALSE(signed_by_any("text", {by_other_a, by_b}, {a.public_key()}));
  EXPECT_FALSE(signed_by_any("text", {renamed}, {a.public_key(), b.public_key()}));
}

}  // namespace
}  // namespace ncps::nix
