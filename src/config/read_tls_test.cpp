#include "config/read_tls.h"

#include <gtest/gtest.h>

#include "config/testing/start.h"
#include "http/testing/authority.h"

namespace ncps::config {
namespace {

using namespace testing;
using http::testing::Authority;
using http::testing::pem;

struct TlsOptionsTest : ::testing::Test {
  Files files;
  Authority authority, clients{"authority of clients"};
  http::testing::Identity ours = authority.sign({.common_name = "cache.example"});
  std::string cert = files.write("cert.pem", pem(ours.certificate) + pem(authority.certificate()));
  std::string key = files.write_private("key.pem", pem(ours.key));
  std::string ca = files.write("ca.pem", pem(clients.certificate()));

  static Loaded load(const std::vector<std::pair<std::string, std::string>>& given) {
    Arguments more;
    for (const auto& [name, value] : given) more.push_back("--server-tls-" + name + "=" + value);
    return load_with(serve_and(more));
  }
};

TEST_F(TlsOptionsTest, WithoutThemHttpIsPlain) {
  auto loaded = load({});
  EXPECT_EQ(all_words(loaded), "");
  EXPECT_EQ(loaded.options.tls, nullptr);
  EXPECT_FALSE(loaded.options.certificates_required);
}

TEST_F(TlsOptionsTest, ACertificateAndItsKeyAreEnough) {
  auto loaded = load({{"cert", cert}, {"key", key}});
  EXPECT_EQ(all_words(loaded), "");
  ASSERT_NE(loaded.options.tls, nullptr);
  EXPECT_FALSE(loaded.options.tls->asks_for_certificates());
  EXPECT_FALSE(loaded.options.certificates_required);
}

TEST_F(TlsOptionsTest, ClientsMustShowTheirsUnlessTheyMay) {
  for (auto [auth, required] : {std::pair("", true), {"require", true}, {"optional", false}}) {
    auto given = std::vector<std::pair<std::string, std::string>>{
        {"cert", cert}, {"key", key}, {"client-ca", ca}};
    if (*auth != '\0') given.emplace_back("client-auth", auth);
    auto loaded = load(given);
    EXPECT_EQ(all_words(loaded), "");
    ASSERT_NE(loaded.options.tls, nullptr);
    EXPECT_TRUE(loaded.options.tls->asks_for_certificates());
    EXPECT_EQ(loaded.options.certificates_required, required);
  }
}

TEST_F(TlsOptionsTest, EveryMistakeIsSaidWithItsOption) {
  auto open = files.write("open.pem", pem(ours.key));
  std::filesystem::permissions(open, std::filesystem::perms(0644));
  auto encrypted = files.write_private("encrypted.pem", pem(ours.key, "hunter2"));
  auto other = files.write_private("other.pem", pem(authority.sign({}).key));
  auto nonsense = files.write_private("nonsense.pem", "hunter2");
  auto missing = files.path("missing.pem");
  struct Row {
    std::vector<std::pair<std::string, std::string>> given;
    std::string_view flag, why;
  };
  const Row rows[] = {
      {{{"cert", cert}}, "--server-tls-cert", "--server-tls-key: TLS needs both"},
      {{{"key", key}}, "--server-tls-key", "--server-tls-cert: TLS needs both"},
      {{{"cert", missing}, {"key", key}}, "--server-tls-cert", "cannot be read"},
      {{{"cert", cert}, {"key", missing}}, "--server-tls-key", "cannot be read"},
      {{{"cert", nonsense}, {"key", key}}, "--server-tls-cert", "holds no certificate"},
      {{{"cert", key}, {"key", cert}}, "--server-tls-cert", "holds no certificate"},
      {{{"cert", cert}, {"key", nonsense}}, "--server-tls-key", "no private key"},
      {{{"cert", cert}, {"key", encrypted}}, "--server-tls-key", "encrypted"},
      {{{"cert", cert}, {"key", open}}, "--server-tls-key", "read by everybody"},
      {{{"cert", cert}, {"key", other}}, "--server-tls-key", "does not belong"},
      {{{"client-ca", ca}}, "--server-tls-client-ca", "without --server-tls-cert"},
      {{{"cert", cert}, {"key", key}, {"client-ca", missing}}, "client-ca", "cannot be read"},
      {{{"cert", cert}, {"key", key}, {"client-ca", key}}, "client-ca", "holds no certificate"},
      {{{"cert", cert}, {"key", key}, {"client-auth", "optional"}}, "client-auth", "authority"},
      {{{"cert", cert}, {"key", key}, {"client-ca", ca}, {"client-auth", "maybe"}},
       "client-auth",
       "require or optional"},
  };
  for (const auto& row : rows) {
    auto loaded = load(row.given);
    ASSERT_FALSE(loaded.mistakes.empty()) << row.why;
    auto words = all_words(loaded);
    EXPECT_TRUE(words.contains(row.flag)) << words;
    EXPECT_TRUE(words.contains(row.why)) << words;
    EXPECT_FALSE(words.contains("hunter2")) << words;
  }
}

TEST_F(TlsOptionsTest, AUnixSocketStaysPlain) {
  auto loaded = load_with(serve_and(
      {"--server-addr=unix:/tmp/x", "--server-tls-cert=" + cert, "--server-tls-key=" + key}));
  EXPECT_TRUE(lines(loaded.mistakes).contains("stays plain")) << all_words(loaded);
}

TEST_F(TlsOptionsTest, ACertificateOutOfItsTimeIsWarnedOfAndUsed) {
  for (auto [begin, end, word] :
       {std::tuple(-7200, -60, "has expired"), {3600, 7200, "is not valid before"}}) {
    auto own = authority.sign({.common_name = "cache.example", .begin = begin, .end = end});
    auto loaded = load({{"cert", files.write("late.pem", pem(own.certificate))},
                        {"key", files.write_private("late.key", pem(own.key))}});
    EXPECT_EQ(lines(loaded.mistakes), "");
    ASSERT_EQ(loaded.warnings.size(), 1u);
    EXPECT_TRUE(loaded.warnings[0].contains(word)) << loaded.warnings[0];
    EXPECT_TRUE(loaded.warnings[0].contains("cache.example")) << loaded.warnings[0];
    EXPECT_NE(loaded.options.tls, nullptr);
  }
}

}  // namespace
}  // namespace ncps::config
