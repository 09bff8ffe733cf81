#include "config/option_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ncps::config {
namespace {

struct Row {
  std::string_view flag, env, key, fallback;
};

// What set-ups of the Go program may name, with the value that counts if they do not. Source: its
// README and its `serve --help`.
constexpr Row kContract[] = {
    {"--config", "NCPS_CONFIG_FILE", "", ""},
    {"--log-level", "LOG_LEVEL", "log.level", "info"},
    {"--otel-enabled", "OTEL_ENABLED", "opentelemetry.enabled", "false"},
    {"--otel-grpc-url", "OTEL_GRPC_URL", "opentelemetry.grpc-url", ""},
    {"--prometheus-enabled", "PROMETHEUS_ENABLED", "prometheus.enabled", "false"},
    {"--cache-hostname", "CACHE_HOSTNAME", "cache.hostname", ""},
    {"--cache-database-url", "CACHE_DATABASE_URL", "cache.database-url", ""},
    {"--cache-database-pool-max-open-conns", "CACHE_DATABASE_POOL_MAX_OPEN_CONNS",
     "cache.database.pool.max-open-conns", "0"},
    {"--cache-database-pool-max-idle-conns", "CACHE_DATABASE_POOL_MAX_IDLE_CONNS",
     "cache.database.pool.max-idle-conns", "0"},
    {"--cache-storage-local", "CACHE_STORAGE_LOCAL", "cache.storage.local", ""},
    {"--cache-storage-s3-bucket", "CACHE_STORAGE_S3_BUCKET", "cache.storage.s3.bucket", ""},
    {"--cache-storage-s3-endpoint", "CACHE_STORAGE_S3_ENDPOINT", "cache.storage.s3.endpoint", ""},
    {"--cache-storage-s3-region", "CACHE_STORAGE_S3_REGION", "cache.storage.s3.region", ""},
    {"--cache-storage-s3-access-key-id", "CACHE_STORAGE_S3_ACCESS_KEY_ID",
     "cache.storage.s3.access-key-id", ""},
    {"--cache-storage-s3-secret-access-key", "CACHE_STORAGE_S3_SECRET_ACCESS_KEY",
     "cache.storage.s3.secret-access-key", ""},
    {"--cache-storage-s3-force-path-style", "CACHE_STORAGE_S3_FORCE_PATH_STYLE",
     "cache.storage.s3.force-path-style", "false"},
    {"--cache-max-size", "CACHE_MAX_SIZE", "cache.max-size", "0"},
    {"--cache-lru-schedule", "CACHE_LRU_SCHEDULE", "cache.lru.schedule", ""},
    {"--cache-lru-schedule-timezone", "CACHE_LRU_SCHEDULE_TZ", "cache.lru.timezone", "Local"},
    {"--cache-secret-key-path", "CACHE_SECRET_KEY_PATH", "cache.secret-key-path", ""},
    {"--cache-sign-narinfo", "CACHE_SIGN_NARINFO", "cache.sign-narinfo", "true"},
    {"--cache-temp-path", "CACHE_TEMP_PATH", "cache.temp-path", ""},
    {"--cache-allow-put-verb", "CACHE_ALLOW_PUT_VERB", "cache.allow-put-verb", "false"},
    {"--cache-allow-delete-verb", "CACHE_ALLOW_DELETE_VERB", "cache.allow-delete-verb", "false"},
    {"--cache-upstream-url", "CACHE_UPSTREAM_URLS", "cache.upstream.urls", ""},
    {"--cache-upstream-public-key", "CACHE_UPSTREAM_PUBLIC_KEYS", "cache.upstream.public-keys", ""},
    {"--cache-upstream-dialer-timeout", "CACHE_UPSTREAM_DIALER_TIMEOUT",
     "cache.upstream.dialer-timeout", "3s"},
    {"--cache-upstream-response-header-timeout", "CACHE_UPSTREAM_RESPONSE_HEADER_TIMEOUT",
     "cache.upstream.response-header-timeout", "3s"},
    {"--netrc-file", "NETRC_FILE", "cache.netrc-file", ""},
    {"--server-addr", "SERVER_ADDR", "server.addr", ":8501"},
    {"--cache-redis-addrs", "CACHE_REDIS_ADDRS", "cache.redis.addrs", ""},
    {"--cache-redis-username", "CACHE_REDIS_USERNAME", "cache.redis.username", ""},
    {"--cache-redis-password", "CACHE_REDIS_PASSWORD", "cache.redis.password", ""},
    {"--cache-redis-db", "CACHE_REDIS_DB", "cache.redis.db", "0"},
    {"--cache-redis-use-tls", "CACHE_REDIS_USE_TLS", "cache.redis.use-tls", "false"},
    {"--cache-redis-ca-file", "CACHE_REDIS_CA_FILE", "cache.redis.ca-file", ""},
    {"--cache-redis-pool-size", "CACHE_REDIS_POOL_SIZE", "cache.redis.pool-size", "10"},
    {"--cache-redis-key-prefix", "CACHE_REDIS_KEY_PREFIX", "cache.redis.key-prefix", "ncps:lock:"},
    {"--cache-lock-download-ttl", "CACHE_LOCK_DOWNLOAD_TTL", "cache.lock.download-lock-ttl", "5m"},
    {"--cache-lock-lru-ttl", "CACHE_LOCK_LRU_TTL", "cache.lock.lru-lock-ttl", "30m"},
    {"--cache-lock-retry-max-attempts", "CACHE_LOCK_RETRY_MAX_ATTEMPTS",
     "cache.lock.retry.max-attempts", "3"},
    {"--cache-lock-retry-initial-delay", "CACHE_LOCK_RETRY_INITIAL_DELAY",
     "cache.lock.retry.initial-delay", "100ms"},
    {"--cache-lock-retry-max-delay", "CACHE_LOCK_RETRY_MAX_DELAY", "cache.lock.retry.max-delay",
     "2s"},
    {"--cache-lock-retry-jitter", "CACHE_LOCK_RETRY_JITTER", "cache.lock.retry.jitter", "true"},
    {"--cache-lock-allow-degraded-mode", "CACHE_LOCK_ALLOW_DEGRADED_MODE",
     "cache.lock.allow-degraded-mode", "false"},
    // Of its later versions.
    {"--cache-lock-backend", "CACHE_LOCK_BACKEND", "cache.lock.backend", "local"},
    {"--cache-download-poll-timeout", "CACHE_DOWNLOAD_POLL_TIMEOUT", "cache.download-poll-timeout",
     "30s"},
    {"--cache-get-token", "CACHE_GET_TOKEN", "cache.get-token", ""},
    {"--cache-require-trusted-signature", "CACHE_REQUIRE_TRUSTED_SIGNATURE",
     "cache.require-trusted-signature", "false"},
    {"--cache-trusted-upload-key", "CACHE_TRUSTED_UPLOAD_KEYS", "cache.trusted-upload-keys", ""},
};

// Of features that are not here: read, and nothing made of them.
constexpr Row kWithoutEffect[] = {
    {"--analytics-reporting-enabled", "ANALYTICS_REPORTING_ENABLED", "analytics.reporting.enabled",
     ""},
    {"--analytics-reporting-samples", "", "analytics.reporting.samples", ""},
    {"--log-console-writer-prefix", "", "", ""},
    {"--use-xz-binary", "USE_XZ_BINARY", "use-xz-binary", ""},
    {"--xz-binary-path", "XZ_BINARY_PATH", "xz-binary-path", ""},
    {"--pprof-addr", "PPROF_ADDR", "pprof.addr", ""},
    {"--cache-cdc-enabled", "CACHE_CDC_ENABLED", "cache.cdc.enabled", ""},
    {"--cache-cdc-min", "CACHE_CDC_MIN", "cache.cdc.min", ""},
    {"--cache-cdc-avg", "CACHE_CDC_AVG", "cache.cdc.avg", ""},
    {"--cache-cdc-max", "CACHE_CDC_MAX", "cache.cdc.max", ""},
    {"--cache-cdc-lazy-chunking-enabled", "CACHE_CDC_LAZY_CHUNKING_ENABLED",
     "cache.cdc.lazy-chunking-enabled", ""},
    {"--cache-cdc-background-workers", "CACHE_CDC_BACKGROUND_WORKERS",
     "cache.cdc.background-workers", ""},
    {"--cache-cdc-delete-delay", "CACHE_CDC_DELETE_DELAY", "cache.cdc.delete-delay", ""},
    {"--cache-cdc-lazy-recovery-schedule", "CACHE_CDC_LAZY_RECOVERY_SCHEDULE",
     "cache.cdc.lazy-recovery-schedule", ""},
    {"--cache-cdc-lazy-recovery-batch-size", "CACHE_CDC_LAZY_RECOVERY_BATCH_SIZE",
     "cache.cdc.lazy-recovery-batch-size", ""},
    {"--cache-cdc-lazy-cleanup-schedule", "CACHE_CDC_LAZY_CLEANUP_SCHEDULE",
     "cache.cdc.lazy-cleanup-schedule", ""},
    {"--cache-cdc-chunk-wait-timeout", "CACHE_CDC_CHUNK_WAIT_TIMEOUT",
     "cache.cdc.chunk-wait-timeout", ""},
    {"--cache-inflight-staging-enabled", "CACHE_INFLIGHT_STAGING_ENABLED",
     "cache.inflight-staging.enabled", ""},
    {"--cache-inflight-staging-retention", "CACHE_INFLIGHT_STAGING_RETENTION",
     "cache.inflight-staging.retention", ""},
    {"--cache-inflight-staging-part-size", "CACHE_INFLIGHT_STAGING_PART_SIZE",
     "cache.inflight-staging.part-size", ""},
};

const OptionSpec* find(std::string_view flag) {
  auto it = std::ranges::find(option_table(), flag, &OptionSpec::flag);
  return it == option_table().end() ? nullptr : &*it;
}

void expect_row(const Row& row) {
  const auto* option = find(row.flag);
  ASSERT_NE(option, nullptr) << row.flag;
  EXPECT_EQ(option->env, row.env) << row.flag;
  EXPECT_EQ(option->key, row.key) << row.flag;
  EXPECT_EQ(option->fallback, row.fallback) << row.flag;
}

TEST(OptionTable, HasEveryOptionOfTheContractWithItsNamesAndDefault) {
  for (const auto& row : kContract) {
    expect_row(row);
    if (const auto* option = find(row.flag)) EXPECT_NE(option->effect, Effect::none) << row.flag;
  }
}

TEST(OptionTable, HasTheOptionsOfAbsentFeaturesWithoutEffect) {
  for (const auto& row : kWithoutEffect) {
    expect_row(row);
    if (const auto* option = find(row.flag)) EXPECT_EQ(option->effect, Effect::none) << row.flag;
  }
}

TEST(OptionTable, NoFlagVariableOrKeyMeansTwoThings) {
  std::set<std::string> flags, envs, keys;
  auto once = [](std::set<std::string>& seen, const std::string& name) {
    if (!name.empty()) EXPECT_TRUE(seen.insert(name).second) << name;
  };
  for (const auto& option : option_table()) {
    once(flags, std::string(option.flag));
    once(envs, std::string(option.env));
    once(keys, std::string(option.key));
    if (option.secret == Secret::no) continue;
    once(flags, std::string(option.flag) + "-file");
    once(envs, std::string(option.env) + "_FILE");
    once(keys, std::string(option.key) + "-file");
  }
  for (const auto& old : old_names()) {
    once(flags, std::string(old.flag));
    once(envs, std::string(old.env));
    once(keys, std::string(old.key));
  }
}

TEST(OptionTable, NoKeyIsAlsoABranchOfAnother) {
  for (const auto& leaf : option_table())
    for (const auto& other : option_table())
      EXPECT_FALSE(!leaf.key.empty() && other.key.starts_with(std::string(leaf.key) + "."))
          << leaf.key << " and " << other.key;
}

TEST(OptionTable, EveryRowIsWhole) {
  for (const auto& option : option_table()) {
    EXPECT_TRUE(option.flag.starts_with("--")) << option.flag;
    EXPECT_FALSE(option.help.empty()) << option.flag;
    EXPECT_FALSE(option.help.ends_with('.')) << option.flag;
    EXPECT_FALSE(option.group.empty()) << option.flag;
    if (option.secret == Secret::yes) {
      EXPECT_FALSE(option.env.empty()) << option.flag;
      EXPECT_FALSE(option.key.empty()) << option.flag;
    }
  }
  for (const auto& old : old_names()) EXPECT_NE(find(old.now), nullptr) << old.now;
}

TEST(OptionTable, WhatHoldsPasswordsIsSecret) {
  for (auto flag : {"--cache-database-url", "--cache-get-token", "--cache-redis-password",
                    "--cache-peer-secret", "--cache-storage-s3-access-key-id",
                    "--cache-storage-s3-secret-access-key"})
    EXPECT_EQ(find(flag)->secret, Secret::yes) << flag;
}

}  // namespace
}  // namespace ncps::config
