#include "peer/peer_secret.h"

#include <gtest/gtest.h>

#include <set>

namespace ncps::peer {
namespace {

constexpr std::string_view kFile = "0a.nar.xz";

TEST(PeerSecret, WhatOneMakesTheOtherAccepts) {
  PeerSecret one("s3cret"), other("s3cret");
  for (std::uint64_t fence : {0ULL, 1ULL, 1'760'000'000'000'000ULL, 18'446'744'073'709'551'615ULL})
    EXPECT_EQ(other.accept(one.token(kFile, fence), kFile), fence);
}

TEST(PeerSecret, ATokenIsForOneNarOneFenceAndOneSecret) {
  PeerSecret secret("s3cret");
  auto token = secret.token(kFile, 7);
  EXPECT_FALSE(secret.accept(token, "0b.nar.xz"));
  EXPECT_FALSE(PeerSecret("s3creT").accept(token, kFile));
  auto other_fence = token;
  other_fence.replace(other_fence.find("7:"), 2, "8:");
  EXPECT_FALSE(secret.accept(other_fence, kFile));
}

TEST(PeerSecret, EveryByteOfATokenMatters) {
  PeerSecret secret("s3cret");
  auto token = secret.token(kFile, 7);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto wrong = token;
    wrong[i] = static_cast<char>(wrong[i] ^ 1);
    EXPECT_FALSE(secret.accept(wrong, kFile)) << i;
    EXPECT_FALSE(secret.accept(token.substr(0, i), kFile)) << i;
    EXPECT_FALSE(secret.accept(token.substr(0, i) + token.substr(i + 1), kFile)) << i;
  }
  EXPECT_FALSE(secret.accept(token + " ", kFile));
}

TEST(PeerSecret, WithoutASecretNobodyIsLetIn) {
  PeerSecret none("");
  EXPECT_FALSE(none.accept(none.token(kFile, 7), kFile));
  EXPECT_FALSE(none.accept("", kFile));
}

TEST(PeerSecret, ComesFromTheSigningKeyAndDoesNotShowIt) {
  auto key = nix::SecretKey::generate("cache.example").value();
  auto same = nix::SecretKey::parse(key.str() + "\n").value();
  auto other = nix::SecretKey::generate("cache.example").value();
  auto token = PeerSecret::derived_from(key).token(kFile, 7);
  EXPECT_EQ(PeerSecret::derived_from(same).accept(token, kFile), 7u);
  EXPECT_FALSE(PeerSecret::derived_from(other).accept(token, kFile));
  EXPECT_EQ(token.find(key.str().substr(key.str().find(':') + 1)), token.npos);
}

}  // namespace
}  // namespace ncps::peer
