#include <gtest/gtest.h>

#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;
using namespace std::chrono_literals;

Loaded with(std::vector<std::string> more) {
  more.emplace_back("--cache-database-url=postgresql://h/d");
  return load_with(serve_and(std::move(more)));
}

// The only mistake, which names the option and says more.
void expect_mistake(std::vector<std::string> more, std::string_view flag, std::string_view says) {
  auto loaded = with(std::move(more));
  ASSERT_EQ(loaded.mistakes.size(), 1U) << flag << "\n" << lines(loaded.mistakes);
  EXPECT_TRUE(loaded.mistakes[0].contains(flag)) << loaded.mistakes[0];
  EXPECT_TRUE(loaded.mistakes[0].contains(says)) << loaded.mistakes[0];
}

TEST(ReadRedis, EverythingIsRead) {
  auto loaded = with(
      {"--cache-redis-addrs=a:1,b:2", "--cache-redis-addrs=[::1]:3", "--cache-redis-username=u",
       "--cache-redis-password=hunter2", "--cache-redis-use-tls", "--cache-redis-ca-file=/dev/null",
       "--cache-redis-pool-size=7", "--cache-redis-key-prefix=p:", "--cache-lock-download-ttl=2m",
       "--cache-lock-lru-ttl=3m", "--cache-lock-retry-max-attempts=5",
       "--cache-lock-retry-initial-delay=1ms", "--cache-lock-retry-max-delay=9s",
       "--cache-lock-retry-jitter=false", "--cache-lock-allow-degraded-mode",
       "--cache-lock-backend=redis"});
  EXPECT_EQ(lines(loaded.mistakes), "");
  EXPECT_FALSE(all_words(loaded).contains("hunter2"));
  EXPECT_EQ(lines(loaded.warnings), lines(load_with(serve_and({})).warnings));
  const auto& o = loaded.options;
  ASSERT_TRUE(o.redis);
  ASSERT_EQ(o.redis->addresses.size(), 3U);
  EXPECT_EQ(o.redis->addresses[0].str(), "a:1");
  EXPECT_EQ(o.redis->addresses[2].str(), "[::1]:3");
  EXPECT_EQ(o.redis->login.username, "u");
  EXPECT_EQ(o.redis->login.password, "hunter2");
  EXPECT_TRUE(o.redis->tls.wanted);
  EXPECT_EQ(o.redis->tls.ca_file, "/dev/null");
  EXPECT_EQ(o.redis->pool_size, 7U);
  EXPECT_EQ(o.redis->key_prefix, "p:");
  EXPECT_EQ(o.redis->retry, (fetch::RetryPolicy{.attempts = 5, .first = 1ms, .ceiling = 9s}));
  EXPECT_FALSE(o.redis->jitter);
  EXPECT_EQ(o.download_lease, 2min);
  EXPECT_EQ(o.lru_lease, 3min);
  EXPECT_TRUE(o.degraded_leases);
}

TEST(ReadRedis, TheDefaultsAreThoseOfTheContract) {
  auto loaded = with({"--cache-redis-addrs=redis:6379"});
  EXPECT_EQ(lines(loaded.mistakes), "");
  ASSERT_TRUE(loaded.options.redis);
  const auto& redis = *loaded.options.redis;
  EXPECT_EQ(redis.login.database, 0U);
  EXPECT_FALSE(redis.tls.wanted);
  EXPECT_EQ(redis.pool_size, 10U);
  EXPECT_EQ(redis.key_prefix, "ncps:lock:");
  EXPECT_EQ(redis.retry, (fetch::RetryPolicy{.attempts = 3, .first = 100ms, .ceiling = 2s}));
  EXPECT_TRUE(redis.jitter);
  EXPECT_EQ(loaded.options.download_lease, 5min);
  EXPECT_EQ(loaded.options.lru_lease, 30min);
  EXPECT_FALSE(loaded.options.degraded_leases);
  EXPECT_EQ(with({"--cache-redis-addrs=r", "--cache-redis-db=3"}).options.redis->login.database,
            3U);
}

TEST(ReadRedis, WithoutAnAddressThereIsNone) {
  auto loaded = with({"--cache-redis-username=u", "--cache-lock-download-ttl=1m"});
  EXPECT_EQ(lines(loaded.mistakes), "");
  EXPECT_FALSE(loaded.options.redis);
  EXPECT_EQ(loaded.options.download_lease, 1min);
}

TEST(ReadRedis, TheBackendFollowsTheAddresses) {
  expect_mistake({"--cache-lock-backend=redis"}, "--cache-lock-backend", "--cache-redis-addrs");
  auto local = with({"--cache-lock-backend=local", "--cache-redis-addrs=r"});
  EXPECT_EQ(lines(local.mistakes), "");
  EXPECT_TRUE(local.options.redis);
  EXPECT_TRUE(lines(local.warnings).contains("are kept in Redis")) << lines(local.warnings);
}

TEST(ReadRedis, WrongValuesAreSaidOfTheirOption) {
  struct {
    const char *option, *says;
  } rows[] = {{"--cache-redis-addrs=redis://h:1", "write host:port"},
              {"--cache-redis-addrs=h:x", "port"},
              {"--cache-redis-addrs=fd00::1", "[fd00::1]:6379"},
              {"--cache-redis-pool-size=0", "1 to 1000"},
              {"--cache-redis-pool-size=1001", "1 to 1000"},
              {"--cache-redis-key-prefix={}x", "{}"},
              {"--cache-redis-ca-file=/no/such/file", "cannot be read"},
              {"--cache-lock-retry-max-attempts=0", "at least 1"},
              {"--cache-lock-retry-initial-delay=0", "longer than 0"},
              {"--cache-lock-retry-max-delay=0", "longer than 0"},
              {"--cache-lock-download-ttl=999ms", "at least 1s"},
              {"--cache-lock-lru-ttl=0", "at least 1s"}};
  for (const auto& row : rows) {
    std::string option = row.option;
    auto flag = option.substr(0, option.find('='));
    std::vector<std::string> all = {option, "--cache-redis-use-tls"};
    if (flag != "--cache-redis-addrs") all.emplace_back("--cache-redis-addrs=r");
    expect_mistake(all, flag, row.says);
  }
}

TEST(ReadRedis, WhatDoesNotGoTogetherIsRefused) {
  expect_mistake({"--cache-redis-addrs=a,b", "--cache-redis-db=1"}, "--cache-redis-db", "cluster");
  expect_mistake({"--cache-redis-addrs=a", "--cache-redis-ca-file=/dev/null"},
                 "--cache-redis-ca-file", "--cache-redis-use-tls");
}

}  // namespace
}  // namespace ncps::config
