#include "http/certificates.h"

#include <gtest/gtest.h>

#include "http/testing/authority.h"
#include "http/tls_context.h"

namespace ncps::http {
namespace {

using namespace std::chrono_literals;
using testing::Authority;
using testing::pem;

struct Certificates : ::testing::Test {
  Authority authority;
  testing::Identity ours = authority.sign({.common_name = "cache.example"});

  static std::string refusal(const auto& result) {
    return result ? std::string() : result.error().what();
  }
};

TEST_F(Certificates, AChainIsReadInItsOrder) {
  auto chain = parse_certificates("a word\n" + pem(ours.certificate) + pem(ours.key) +
                                  pem(authority.certificate()));
  ASSERT_TRUE(chain);
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ(names_of(*chain->front()), std::vector<std::string>{"cache.example"});
  EXPECT_TRUE(fits(ours.key, chain->front()));
  EXPECT_FALSE(fits(ours.key, chain->back()));
}

TEST_F(Certificates, WhatIsNoneIsRefused) {
  auto cut = pem(ours.certificate);
  cut.resize(cut.size() - 60);
  auto broken = pem(ours.certificate);
  broken.replace(40, 4, "AAAA");
  for (const std::string& text : {std::string(), std::string("nonsense"), pem(ours.key)})
    EXPECT_TRUE(refusal(parse_certificates(text)).contains("holds no certificate")) << text;
  for (const auto& text : {cut, broken, pem(authority.certificate()) + broken})
    EXPECT_TRUE(refusal(parse_certificates(text)).contains("broken certificate")) << text;
}

TEST_F(Certificates, AKeyIsReadUnlessItIsEncryptedOrNone) {
  EXPECT_TRUE(parse_private_key(pem(ours.certificate) + pem(ours.key)));
  auto encrypted = refusal(parse_private_key(pem(ours.key, "hunter2")));
  EXPECT_TRUE(encrypted.contains("encrypted")) << encrypted;
  EXPECT_TRUE(encrypted.contains("openssl pkey")) << encrypted;
  EXPECT_TRUE(refusal(parse_private_key("")).contains("no private key"));
  EXPECT_TRUE(refusal(parse_private_key(pem(ours.certificate))).contains("no private key"));
  auto broken = pem(ours.key);
  broken.replace(40, 4, "AAAA");
  EXPECT_TRUE(refusal(parse_private_key(broken)).contains("broken private key"));
}

TEST_F(Certificates, AreValidForTheirTime) {
  auto now = std::chrono::system_clock::now();
  auto valid = validity_of(authority.sign({.begin = -7200, .end = -60}).certificate);
  EXPECT_LT(valid.begin, now - 1h);
  EXPECT_LT(valid.end, now);
  EXPECT_GT(valid.end, now - 1h);
  EXPECT_LT(now, validity_of(ours.certificate).end);
}

// Beyond what nanoseconds in 64 bits can say; "99991231235959Z" is the usual word for no end.
TEST_F(Certificates, MayBeValidForCenturies) {
  auto now = std::chrono::system_clock::now();
  for (long years : {200, 300, 1000, 7900}) {
    auto seconds = years * 365 * 24 * 3600;
    auto valid = validity_of(authority.sign({.begin = -3600, .end = seconds}).certificate);
    EXPECT_LT(valid.begin, now);
    EXPECT_GT(valid.end, now + 24h * 365 * 100) << years;
  }
}

TEST_F(Certificates, AreKnownByTheirNames) {
  using Names = std::vector<std::string>;
  struct Row {
    testing::Wanted wanted;
    Names names;
  };
  const Row rows[] = {
      {{.common_name = "ci"}, {"ci"}},
      {{.common_name = "ci", .alternative_names = "DNS:ci.example"}, {"ci.example", "ci"}},
      {{.common_name = "ci.example", .alternative_names = "DNS:ci.example"}, {"ci.example"}},
      {{.common_name = "", .alternative_names = "email:ci@a.example,URI:spiffe://a/ci,IP:1.2.3.4"},
       {"ci@a.example", "spiffe://a/ci"}},
      {{.common_name = "The CI, of us"}, {"The CI, of us"}},
      {{.common_name = "J\xc3\xb6rg", .alternative_names = "DNS:joerg"}, {"joerg"}},
      {{.common_name = "two\nlines"}, {std::string(kNameless)}},
      {{.common_name = ""}, {std::string(kNameless)}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(names_of(*authority.sign(row.wanted).certificate), row.names)
        << row.wanted.common_name;
}

TEST_F(Certificates, AContextWantsAKeyThatFits) {
  TlsOptions options;
  options.chain = {ours.certificate};
  options.key = authority.sign({}).key;
  EXPECT_TRUE(refusal(TlsContext::make(options)).contains("does not belong"));
}

TEST_F(Certificates, ContextsOfTheSameThingsAreTheSame) {
  auto options = authority.options();
  auto one = TlsContext::make(options).value();
  EXPECT_TRUE(one->same_as(*TlsContext::make(options).value()));
  EXPECT_FALSE(one->same_as(*TlsContext::make(authority.options()).value())) << "another key";
  options.client_authorities = {authority.certificate()};
  EXPECT_FALSE(one->same_as(*TlsContext::make(options).value()));
  EXPECT_FALSE(one->asks_for_certificates());
}

}  // namespace
}  // namespace ncps::http
