// Passwords, users, databases, certificates: who gets in, and what is said to who does not.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "lock/redis/redis_leases.h"
#include "lock/redis/testing/redis_server.h"
#include "lock/redis/testing/wire_double.h"
#include "rt/block_on.h"

namespace ncps::redis {
namespace {

using ncps::testing::RedisServer;
using ncps::testing::WireDouble;

class LoginTest : public ::testing::Test {
 protected:
  // "": it works.
  std::string refusal(const RedisOptions& options) {
    auto leases = open_redis_leases(options);
    if (!leases) return leases.error().what();
    lock::Ask ask{.name = "a"};
    auto taken = block_on(
        runtime, (*leases)->try_take(std::move(ask), Deadline::after(std::chrono::seconds(30))));
    if (taken) return "";
    EXPECT_TRUE(taken.error().retryable()) << taken.error().what();
    return taken.error().what();
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
  }

  Runtime runtime{1};
};

TEST_F(LoginTest, APasswordIsAskedForAndSaidToBeMissingOrWrong) {
  RedisServer server({.password = "s3cret"});
  auto options = server.use();
  EXPECT_EQ(refusal(options), "");
  options.login.password = "";
  EXPECT_TRUE(has(refusal(options), "--cache-redis-password")) << refusal(options);
  options.login.password = "hunter2";
  auto said = refusal(options);
  EXPECT_TRUE(has(said, "--cache-redis-password")) << said;
  EXPECT_TRUE(has(said, server.address().str())) << said;
  EXPECT_FALSE(has(said, "hunter2")) << said;
}

TEST_F(LoginTest, APasswordThatNobodyWantsIsSaidToBeOne) {
  auto options = RedisServer::plain().use();
  options.login.password = "hunter2";
  auto said = refusal(options);
  EXPECT_TRUE(has(said, "--cache-redis-password")) << said;
  EXPECT_FALSE(has(said, "hunter2")) << said;
}

TEST_F(LoginTest, AUserOfAnAclMayUseItsPrefixAlone) {
  RedisServer server({.user = "some-user", .password = "s3cret"});
  auto options = server.use();
  EXPECT_EQ(refusal(options), "");
  options.key_prefix = "other:";
  EXPECT_TRUE(has(refusal(options), "permission")) << refusal(options);
  options = server.use();
  options.login.username = "nobody";
  EXPECT_TRUE(has(refusal(options), "--cache-redis-username")) << refusal(options);
}

// A proxy before it, or a Redis without ACLs, which repeats what it was sent.
TEST_F(LoginTest, WhatAServerRepeatsOfThePasswordIsNotSaid) {
  std::atomic<const char*> answer = "";
  WireDouble wire(0, [&](std::string_view) -> ncps::testing::Fate {
    return {.answer = std::string(answer) + "\r\n"};
  });
  RedisOptions options;
  options.addresses = {wire.address()};
  options.login = {.username = "some-user", .password = "hunter2hunter2"};
  options.retry.attempts = 1;
  for (const auto* said :
       {"-ERR unknown command 'AUTH', with args beginning with: 'some-user' 'hunter2hunter2' ",
        "-ERR unknown command `AUTH`, with args beginning with: `some-user`, `hunter2hun",
        "-WRONGPASS some-user may not come with hunter2hunter2", "-NOPERM some-user/hunter2hunter2",
        "-NOAUTH hunter2hunter2", "-ERR hunter2"}) {
    answer = said;
    auto why = refusal(options);
    EXPECT_TRUE(has(why, "it says: ")) << why;
    EXPECT_FALSE(has(why, "hunter2")) << why;
    EXPECT_FALSE(has(why, "some-user")) << why;
  }
}

TEST_F(LoginTest, ADatabaseThatIsNotThereIsNamed) {
  auto options = RedisServer::plain().use();
  options.login.database = 3;
  EXPECT_EQ(refusal(options), "");
  options.login.database = 99;
  EXPECT_TRUE(has(refusal(options), "--cache-redis-db")) << refusal(options);
}

TEST_F(LoginTest, DatabasesAreApart) {
  RedisServer server({});
  auto options = server.use();
  options.login.database = 3;
  auto leases = open_redis_leases(options).value();
  lock::Ask ask{.name = "a"};
  auto taken = block_on(
      runtime, leases->try_take(std::move(ask), Deadline::after(std::chrono::seconds(30))));
  ASSERT_TRUE(taken);
  EXPECT_EQ(server.ask({"EXISTS", "ncps:lock:{a}"}).integer, 0);
  EXPECT_EQ(refusal(server.use()), "");
}

class TlsTest : public LoginTest {
 protected:
  void TearDown() override { ::unsetenv("SSL_CERT_FILE"); }
  static RedisServer& server() {
    static RedisServer one({.tls = true});
    return one;
  }
};

TEST_F(TlsTest, WhomTheCaFileVouchesForIsTrusted) {
  EXPECT_EQ(refusal(server().use()), "");
}

TEST_F(TlsTest, WhomNobodyVouchesForIsRefused) {
  auto options = server().use();
  options.tls.ca_file = server().folder() / "other.pem";
  EXPECT_TRUE(has(refusal(options), "not trusted")) << refusal(options);
  options.tls.ca_file.clear();  // the system's
  EXPECT_TRUE(has(refusal(options), "not trusted")) << refusal(options);
}

TEST_F(TlsTest, SslCertFileIsTrustedWhereNoCaFileIsGiven) {
  auto options = server().use();
  ::setenv("SSL_CERT_FILE", (server().folder() / "ca.pem").c_str(), 1);
  options.tls.ca_file.clear();
  EXPECT_EQ(refusal(options), "");
  options.tls.ca_file = server().folder() / "other.pem";
  EXPECT_TRUE(has(refusal(options), "not trusted")) << refusal(options);
}

TEST_F(TlsTest, ACertificateForAnotherNameIsRefused) {
  auto options = server().use();
  options.addresses.front().host = "127.0.0.1";  // the certificate is localhost's
  EXPECT_TRUE(has(refusal(options), "not trusted")) << refusal(options);
  EXPECT_TRUE(has(refusal(options), "mismatch")) << refusal(options);
}

TEST_F(TlsTest, TlsAndNoTlsDoNotSpeakWithEachOther) {
  auto options = server().use();
  options.tls = {};
  EXPECT_NE(refusal(options), "");
  options = RedisServer::plain().use();
  options.tls.wanted = true;
  options.retry.attempts = 1;  // which ends when its time is over: nothing is answered
  EXPECT_TRUE(has(refusal(options), "TLS")) << refusal(options);
}

TEST_F(TlsTest, ACaFileThatHoldsNoneIsRefusedAtOnce) {
  auto options = server().use();
  options.tls.ca_file = "/dev/null";
  EXPECT_TRUE(has(refusal(options), "/dev/null")) << refusal(options);
}

TEST_F(LoginTest, ANameThatLeadsNowhereIsSaidTo) {
  RedisOptions options;
  options.addresses = {{.host = "no-such-host.invalid", .port = 1}};
  options.retry.attempts = 1;
  auto leases = open_redis_leases(options).value();
  lock::Ask ask{.name = "a"};
  auto taken = block_on(
      runtime, leases->try_take(std::move(ask), Deadline::after(std::chrono::seconds(30))));
  ASSERT_FALSE(taken);
  EXPECT_TRUE(has(taken.error().what(), "no-such-host.invalid")) << taken.error().what();
}

}  // namespace
}  // namespace ncps::redis
