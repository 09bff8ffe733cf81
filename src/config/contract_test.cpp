// Set-ups that people have: the example command lines of the Go program's README, and the file that
// its NixOS module writes.
#include <gtest/gtest.h>

#include <sstream>

#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;

Arguments words(const std::string& line) {
  std::istringstream in(line);
  Arguments out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// The upstreams of most examples.
const std::string kUpstream =
    std::string(" --cache-upstream-url=https://cache.nixos.org --cache-upstream-public-key=") +
    kNixosKey;
const std::string kUpstreams =
    " --cache-upstream-url=https://cache.nixos.org "
    "--cache-upstream-url=https://nix-community.cachix.org"
    " --cache-upstream-public-key=" +
    std::string(kNixosKey) + " --cache-upstream-public-key=" + kCommunityKey;

struct Example {
  std::string where, line;
};

TEST(Contract, TheReadmesCommandLinesServe) {
  const Example examples[] = {
      {"Quick Start: local storage",
       "serve --cache-hostname=your-ncps-hostname --cache-storage-local=/storage "
       "--cache-database-url=sqlite:/storage/var/ncps/db/db.sqlite" +
           kUpstream},
      {"Docker, Docker Compose",
       "serve --cache-hostname=your-ncps-hostname --cache-storage-local=/storage "
       "--cache-database-url=sqlite:/storage/var/ncps/db/db.sqlite" +
           kUpstreams},
      {"Kubernetes",
       "serve --cache-hostname=ncps.yournetwork.local --cache-storage-local=/storage "
       "--cache-temp-path=/nar-temp-dir "
       "--cache-database-url=sqlite:/storage/var/ncps/db/db.sqlite" +
           kUpstreams},
      {"Timeouts, which leave out database and key",
       "serve --cache-hostname=ncps.example.com --cache-storage-local=/var/lib/ncps "
       "--cache-upstream-url=https://cache.nixos.org --cache-upstream-dialer-timeout=10s "
       "--cache-upstream-response-header-timeout=10s"}};
  for (const auto& example : examples) {
    auto loaded = load_with(words(example.line));
    EXPECT_EQ(all_words(loaded), "") << example.where;
    EXPECT_TRUE(loaded.options.database.sqlite_path.native().ends_with("/db.sqlite"))
        << example.where;
  }
  auto slow = load_with(words(examples[3].line));
  EXPECT_EQ(slow.options.dialer_timeout, std::chrono::seconds(10));
  EXPECT_EQ(slow.options.database.sqlite_path, "/var/lib/ncps/var/ncps/db/db.sqlite");
}

TEST(Contract, TheReadmesS3CommandLinesServe) {
  const std::string credentials =
      " --cache-storage-s3-access-key-id=AKIAIOSFODNN7EXAMPLE "
      "--cache-storage-s3-secret-access-key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const Example examples[] = {
      {"Quick Start, an endpoint without scheme",
       "serve --cache-hostname=your-ncps-hostname --cache-storage-s3-bucket=my-ncps-cache "
       "--cache-storage-s3-endpoint=s3.amazonaws.com --cache-storage-s3-region=us-east-1" +
           credentials + " --cache-database-url=sqlite:/db/db.sqlite" + kUpstream},
      {"AWS",
       "serve --cache-hostname=ncps.example.com --cache-storage-s3-bucket=my-ncps-cache "
       "--cache-storage-s3-endpoint=https://s3.amazonaws.com --cache-storage-s3-region=us-east-1" +
           credentials + " --cache-database-url=sqlite:/var/lib/ncps/db.sqlite" + kUpstream},
      {"MinIO",
       "serve --cache-hostname=ncps.example.com --cache-storage-s3-bucket=ncps-cache "
       "--cache-storage-s3-endpoint=http://minio.example.com:9000 "
       "--cache-storage-s3-force-path-style" +
           credentials + " --cache-database-url=sqlite:/var/lib/ncps/db.sqlite" + kUpstream}};
  for (const auto& example : examples) {
    auto loaded = load_with(words(example.line));
    EXPECT_EQ(lines(loaded.mistakes), "") << example.where;
    EXPECT_TRUE(loaded.options.storage_s3) << example.where;
    EXPECT_EQ(all_words(loaded).find("wJalr"), std::string::npos);
    EXPECT_EQ(all_words(loaded).find("AKIA"), std::string::npos);
  }
}

TEST(Contract, TheReadmesHaCommandLinesLackAnUpstreamAndNothingElse) {
  const Example examples[] = {
      {"S3",
       "serve --cache-hostname=cache.example.com "
       "--cache-database-url=postgresql://user:pass@postgres:5432/ncps "
       "--cache-storage-s3-bucket=ncps-cache --cache-storage-s3-endpoint=https://s3.amazonaws.com "
       "--cache-storage-s3-region=us-east-1 --cache-redis-addrs=redis:6379"},
      {"NFS",
       "serve --cache-hostname=cache.example.com "
       "--cache-database-url=postgresql://user:pass@postgres:5432/ncps "
       "--cache-storage-local=/var/lib/ncps --cache-redis-addrs=redis:6379"}};
  for (const auto& example : examples) {
    auto loaded = load_with(words(example.line));
    ASSERT_EQ(loaded.mistakes.size(), 1u) << example.where << "\n" << lines(loaded.mistakes);
    EXPECT_TRUE(loaded.mistakes[0].starts_with("--cache-upstream-url is missing"))
        << loaded.mistakes[0];
    auto mended = load_with(words(example.line + kUpstream));
    EXPECT_EQ(lines(mended.mistakes), "") << example.where;
    ASSERT_TRUE(mended.options.redis) << example.where;
    EXPECT_EQ(mended.options.redis->addresses.front().str(), "redis:6379") << example.where;
  }
}

constexpr std::string_view kNixosModule = R"({"analytics":{"reporting":{"enabled":false}},
"cache":{"allow-delete-verb":true,"allow-put-verb":true,"cdc":{"avg":65536,"enabled":false,"max":262144,"min":16384},
"database":{"pool":{"max-idle-conns":5,"max-open-conns":25}},"database-url":"sqlite:/var/lib/ncps/db/db.sqlite",
"hostname":"your-ncps-hostname","lock":{"allow-degraded-mode":false,"backend":"local","download-lock-ttl":"5m","lru-lock-ttl":"30m",
"redis":{"key-prefix":"ncps:lock:"},"retry":{"initial-delay":"100ms","jitter":true,"max-attempts":3,"max-delay":"2s"}},
"lru":{"schedule":"0 2 * * *","timezone":"Local"},"max-size":"50G","secret-key-path":null,"sign-narinfo":true,
"storage":{"local":"/var/lib/ncps"},"temp-path":"/tmp",
"upstream":{"dialer-timeout":"3s","public-keys":["cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=",
"nix-community.cachix.org-1:mB9FSh9qf2dCimDSUo8Zy7bkq5CX+/rkCWyvRCYg3Fs="],"response-header-timeout":"3s",
"urls":["https://cache.nixos.org","https://nix-community.cachix.org"]}},
"log":{"level":"info"},"opentelemetry":{"enabled":false},"prometheus":{"enabled":false},"server":{"addr":":8501"}})";

TEST(Contract, TheFileOfTheNixosModuleServes) {
  Files files;
  auto path = files.write("ncps.json", std::string(kNixosModule));
  auto loaded = load_with({"--config", path, "serve"});
  EXPECT_EQ(lines(loaded.mistakes), "");
  EXPECT_EQ(loaded.options.hostname, "your-ncps-hostname");
  EXPECT_EQ(loaded.options.storage_local, "/var/lib/ncps");
  EXPECT_EQ(loaded.options.database.sqlite_path, "/var/lib/ncps/db/db.sqlite");
  EXPECT_EQ(loaded.options.upstreams.size(), 2u);
  EXPECT_EQ(loaded.options.upstream_keys.size(), 2u);
  EXPECT_EQ(loaded.values["--cache-max-size"].values, std::vector<std::string>{"50G"});
}

// Its older versions name what they keep in other words, and pass flags.
TEST(Contract, OlderNixosModulesServeWithWarnings) {
  auto loaded =
      load_with(words("--log-level=info serve --cache-hostname=h --cache-data-path=/var/lib/ncps "
                      "--cache-database-url=sqlite:/var/lib/ncps/db/db.sqlite"
                      " --cache-temp-path=/tmp --server-addr=:8501 "
                      "--upstream-cache=https://cache.nixos.org --upstream-public-key="));
  EXPECT_EQ(lines(loaded.mistakes), "");
  EXPECT_EQ(loaded.warnings.size(), 2u) << lines(loaded.warnings);
  EXPECT_EQ(loaded.options.storage_local, "/var/lib/ncps");
  ASSERT_EQ(loaded.options.upstreams.size(), 1u);
}

TEST(Contract, SecretsOfTheNixosModuleComeByVariables) {
  Files files;
  auto path = files.write("ncps.json", std::string(kNixosModule));
  auto loaded =
      load_with({"--config", path, "serve"}, {{"CACHE_DATABASE_URL", "sqlite:/other/db"}});
  EXPECT_EQ(loaded.options.database.sqlite_path, "/other/db");
}

}  // namespace
}  // namespace ncps::config
