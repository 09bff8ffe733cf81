#include "config/load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/option_table.h"
#include "config/testing/start.h"

namespace ncps::config {
namespace {

using namespace testing;
using namespace std::chrono_literals;

TEST(Load, TheLeastThatServesTakesItsDefaults) {
  auto loaded = load_with(serve_and({}));
  EXPECT_EQ(all_words(loaded), "");
  const auto& o = loaded.options;
  EXPECT_EQ(o.hostname, "cache.example");
  EXPECT_EQ(o.storage_local, "/tmp/x");
  EXPECT_EQ(o.database.sqlite_path, "/tmp/x/var/ncps/db/db.sqlite");
  EXPECT_EQ(o.listen.str(), ":8501");
  EXPECT_EQ(o.dialer_timeout, 3s);
  EXPECT_EQ(o.response_header_timeout, 3s);
  EXPECT_FALSE(o.offline);
  EXPECT_TRUE(o.prefetch_nars);
  EXPECT_TRUE(o.prefetch_narinfos);
  EXPECT_EQ(o.negative_ttl, 60s);
  EXPECT_EQ(o.drain_delay, 0s);
  EXPECT_EQ(o.log_level, log::Level::info);
  EXPECT_EQ(o.log_console, std::nullopt);
  EXPECT_EQ(o.netrc_file, std::nullopt);
  EXPECT_TRUE(o.sign_narinfo);
  EXPECT_FALSE(o.sign_unverified);
  EXPECT_TRUE(o.secret_keys.empty());
  EXPECT_TRUE(o.tokens.empty());
  EXPECT_TRUE(o.upstream_keys.empty());
  EXPECT_EQ(o.temp_path, std::filesystem::temp_directory_path());
}

TEST(Load, PrefetchIsAListOrOff) {
  struct Row {
    std::string text;
    bool nars, narinfos;
  };
  for (const auto& row : {Row{"nar", true, false}, Row{"narinfo", false, true},
                          Row{"narinfo,nar", true, true}, Row{"off", false, false}}) {
    auto loaded = load_with(serve_and({"--cache-prefetch=" + row.text}));
    EXPECT_EQ(all_words(loaded), "") << row.text;
    EXPECT_EQ(loaded.options.prefetch_nars, row.nars) << row.text;
    EXPECT_EQ(loaded.options.prefetch_narinfos, row.narinfos) << row.text;
  }
  EXPECT_NE(all_words(load_with(serve_and({"--cache-prefetch=off,nar"}))), "");
}

TEST(Load, EveryValueGetsToItsOption) {
  Files files;
  auto netrc = files.write("netrc", "");
  auto key = nix::SecretKey::generate("k").value();
  auto loaded = load_with({"serve",
                           "--log-level=warn",
                           "--log-console-writer-enabled=0",
                           "--cache-hostname=h",
                           "--cache-storage-local=/s",
                           "--cache-temp-path=/t",
                           "--cache-upstream-url=http://a?priority=7",
                           "--cache-upstream-url=http://b",
                           std::string("--cache-upstream-public-key=") + kNixosKey,
                           "--cache-upstream-dialer-timeout=300ms",
                           "--cache-upstream-response-header-timeout=1h30m",
                           "--netrc-file=" + netrc,
                           "--cache-upstream-mode=offline",
                           "--cache-negative-ttl=0",
                           "--cache-upstream-redirects=same-host",
                           "--cache-sign-narinfo=f",
                           "--cache-sign-unverified",
                           "--cache-secret-key-path=" + files.write_private("key", key.str()),
                           "--cache-database-url=sqlite:///d/db",
                           "--server-addr=unix:/run/x"});
  EXPECT_EQ(all_words(loaded), "");
  const auto& o = loaded.options;
  EXPECT_EQ(o.log_level, log::Level::warn);
  EXPECT_EQ(o.log_console, false);
  EXPECT_EQ(o.hostname, "h");
  EXPECT_TRUE(o.offline);
  EXPECT_EQ(o.negative_ttl, 0s);
  EXPECT_EQ(o.elsewhere, fetch::Elsewhere::same_host);
  EXPECT_EQ(o.storage_local, "/s");
  EXPECT_EQ(o.database.sqlite_path, "/d/db");
  EXPECT_EQ(o.temp_path, "/t");
  ASSERT_EQ(o.upstreams.size(), 2u);
  EXPECT_EQ(o.upstreams[0].priority(), 7);
  EXPECT_EQ(o.upstreams[1].masked(), "http://b");
  ASSERT_EQ(o.upstream_keys.size(), 1u);
  EXPECT_EQ(o.upstream_keys[0].str(), kNixosKey);
  EXPECT_EQ(o.dialer_timeout, 300ms);
  EXPECT_EQ(o.response_header_timeout, 90min);
  EXPECT_EQ(o.netrc_file, netrc);
  EXPECT_FALSE(o.sign_narinfo);
  EXPECT_TRUE(o.sign_unverified);
  ASSERT_EQ(o.secret_keys.size(), 1u);
  EXPECT_EQ(o.secret_keys[0].public_key(), key.public_key());
  EXPECT_EQ(o.listen.socket_path, "/run/x");
}

TEST(Load, BooleansAreAsGoReadsThem) {
  for (auto yes : {"1", "t", "T", "true", "TRUE", "True"})
    EXPECT_TRUE(load_with(serve_and({}), {{"CACHE_SIGN_UNVERIFIED", yes}}).options.sign_unverified)
        << yes;
  for (auto no : {"0", "f", "F", "false", "FALSE", "False"})
    EXPECT_FALSE(load_with(serve_and({}), {{"CACHE_SIGN_NARINFO", no}}).options.sign_narinfo) << no;
}

TEST(Load, PathsAreMadeAbsolute) {
  auto loaded = load_with({"serve", "--cache-hostname=h", "--cache-upstream-url=http://a",
                           "--cache-storage-local=data", "--cache-temp-path=./t"});
  EXPECT_EQ(loaded.options.storage_local, std::filesystem::current_path() / "data");
  EXPECT_TRUE(loaded.options.temp_path.is_absolute());
  EXPECT_TRUE(loaded.options.database.sqlite_path.is_absolute());
}

TEST(Load, TheUsualNetrcIsTakenIfItIsThere) {
  Files files;
  EXPECT_EQ(load_with(serve_and({}), {{"HOME", files.path("none")}}).options.netrc_file,
            std::nullopt);
  auto usual = files.write(".netrc", "");
  auto home = files.path("");
  EXPECT_EQ(load_with(serve_and({}), {{"HOME", home}}).options.netrc_file,
            std::filesystem::path(home) / ".netrc");
  auto other = files.write("other", "");
  EXPECT_EQ(load_with(serve_and({"--netrc-file", other}), {{"HOME", home}}).options.netrc_file,
            other);
}

struct Storage : ::testing::Test {
  static Loaded with(const Arguments& more) {
    Arguments all = {"serve", "--cache-hostname=h", "--cache-upstream-url=http://a"};
    all.insert(all.end(), more.begin(), more.end());
    return load_with(all);
  }
  static void expect_one(const Loaded& loaded, const std::string& beginning,
                         const std::string& piece) {
    ASSERT_EQ(loaded.mistakes.size(), 1u) << lines(loaded.mistakes);
    EXPECT_TRUE(loaded.mistakes[0].starts_with(beginning)) << loaded.mistakes[0];
    EXPECT_NE(loaded.mistakes[0].find(piece), std::string::npos) << loaded.mistakes[0];
  }
};

TEST_F(Storage, NoneAndBothAreRefused) {
  expect_one(with({}), "--cache-storage-local is missing", "");
  expect_one(with({"--cache-storage-local=/x", "--cache-storage-s3-bucket=bucket"}),
             "--cache-storage-local and --cache-storage-s3-bucket", "give one");
}

TEST_F(Storage, InS3AloneThereIsNoPlaceForTheDatabase) {
  expect_one(with({"--cache-storage-s3-bucket=bucket"}), "--cache-database-url is missing", "S3");
  auto good = with({"--cache-storage-s3-bucket=bucket", "--cache-database-url=sqlite:/d"});
  EXPECT_TRUE(good.mistakes.empty()) << lines(good.mistakes);
  EXPECT_EQ(good.options.database.sqlite_path, "/d");
}

TEST_F(Storage, RedisMeansSeveralInstancesWhichCannotShareSqlite) {
  for (auto database : {"--cache-database-url=", "--cache-database-url=sqlite:/d",
                        "--cache-database-url=SQLITE3:/d"})
    expect_one(with({"--cache-storage-local=/x", "--cache-redis-addrs=r:6379", database}),
               "--cache-redis-addrs", "SQLite");
  auto good = with({"--cache-storage-local=/x", "--cache-redis-addrs=r:6379",
                    "--cache-database-url=postgresql://h/d"});
  EXPECT_TRUE(good.mistakes.empty()) << lines(good.mistakes);
  EXPECT_EQ(good.options.drain_delay, 5s);  // balancers have to notice
  auto told = with({"--cache-storage-local=/x", "--cache-redis-addrs=r:6379",
                    "--cache-database-url=postgresql://h/d", "--server-drain-delay=20s"});
  EXPECT_EQ(told.options.drain_delay, 20s);
}

TEST_F(Storage, AScheduleNeedsASizeButASizeNoSchedule) {
  expect_one(with({"--cache-storage-local=/x", "--cache-lru-schedule=@daily"}),
             "--cache-lru-schedule is given", "--cache-max-size");
  expect_one(
      with({"--cache-storage-local=/x", "--cache-lru-schedule=@daily", "--cache-max-size=0"}),
      "--cache-lru-schedule", "");
  for (auto more : {"--cache-lru-schedule=@daily", "--cache-lru-schedule="})
    EXPECT_TRUE(with({"--cache-storage-local=/x", "--cache-max-size=10G", more}).mistakes.empty());
}

TEST_F(Storage, TheScheduleIsReadInItsTimeZone) {
  auto zone = [](const std::string& text) {
    return with({"--cache-storage-local=/x", "--cache-max-size=10G",
                 "--cache-lru-schedule=0 2 * * *", "--cache-lru-schedule-timezone=" + text});
  };
  for (auto good : {"UTC", "Local", "Europe/Berlin", "America/New_York", ""})
    EXPECT_TRUE(zone(good).mistakes.empty()) << good;
  expect_one(zone("Mars/Base"), "--cache-lru-schedule-timezone: 'Mars/Base' ", "time zone");
}

TEST_F(Storage, ABucketIsReadWithAllThatBelongsToIt) {
  auto loaded =
      with({"--cache-storage-s3-bucket=bucket", "--cache-database-url=sqlite:/d",
            "--cache-storage-s3-endpoint=http://h:9000", "--cache-storage-s3-region=r-1",
            "--cache-storage-s3-access-key-id=id", "--cache-storage-s3-secret-access-key=secret",
            "--cache-storage-s3-force-path-style", "--cache-storage-s3-key-prefix=a/b",
            "--cache-storage-s3-storage-class=STANDARD_IA", "--cache-storage-s3-ca-file=/dev/null",
            "--cache-storage-s3-max-transfers=16384", "--cache-storage-s3-local-cache-size=2G"});
  ASSERT_TRUE(loaded.mistakes.empty()) << loaded.mistakes.front();
  ASSERT_TRUE(loaded.options.storage_s3);
  const auto& s3 = *loaded.options.storage_s3;
  EXPECT_EQ(s3.address.bucket, "bucket");
  EXPECT_EQ(s3.address.endpoint, "http://h:9000");
  EXPECT_EQ(s3.address.region, "r-1");
  EXPECT_EQ(s3.address.key_prefix, "a/b");
  EXPECT_EQ(s3.address.force_path_style, s3::ForcePathStyle::yes);
  EXPECT_EQ(s3.access_key + ":" + s3.secret_key, "id:secret");
  EXPECT_EQ(s3.storage_class, "STANDARD_IA");
  EXPECT_EQ(s3.ca_file, "/dev/null");
  EXPECT_EQ(s3.max_transfers, 16'384u);
  EXPECT_EQ(loaded.options.s3_local_cache, 2ULL << 30);
  EXPECT_EQ(s3.outside_urls, s3::OutsideUrls::no);
  EXPECT_FALSE(with({"--cache-storage-local=/x"}).options.storage_s3);
}

TEST_F(Storage, AMistakeInTheBucketsOptionsNamesTheOption) {
  auto bucket = [](std::string more) {
    return with({"--cache-storage-s3-bucket=bucket", "--cache-database-url=sqlite:/d", more});
  };
  expect_one(bucket("--cache-storage-s3-endpoint=ftp://h"), "--cache-storage-s3-endpoint", "http");
  expect_one(bucket("--cache-storage-s3-endpoint=http://me:pw@h"), "--cache-storage-s3-endpoint",
             "options of their own");
  expect_one(bucket("--cache-storage-s3-region=a b"), "--cache-storage-s3-region", "region");
  expect_one(bucket("--cache-storage-s3-key-prefix=a//b"), "--cache-storage-s3-key-prefix", "used");
  expect_one(bucket("--cache-storage-s3-storage-class=cheap one"),
             "--cache-storage-s3-storage-class", "STANDARD_IA");
  for (auto wrong : {"0", "15", "16385", "many"})
    expect_one(bucket(std::string("--cache-storage-s3-max-transfers=") + wrong),
               "--cache-storage-s3-max-transfers", "");
  EXPECT_EQ(bucket("--log-level=info").options.storage_s3->max_transfers, 2'048u);
  EXPECT_EQ(bucket("--cache-storage-s3-redirect").options.storage_s3->outside_urls,
            s3::OutsideUrls::yes);
  expect_one(with({"--cache-storage-s3-bucket=bucket", "--cache-database-url=sqlite:/d",
                   "--cache-storage-s3-redirect", "--cache-storage-s3-local-cache-size=1G"}),
             "--cache-storage-s3-local-cache-size and --cache-storage-s3-redirect",
             "exclude each other");
  expect_one(bucket("--cache-storage-s3-local-cache-size=10"),
             "--cache-storage-s3-local-cache-size", "unit");
  expect_one(bucket("--cache-storage-s3-ca-file=/not/there"), "--cache-storage-s3-ca-file",
             "cannot be read");
  expect_one(bucket("--cache-storage-s3-access-key-id=id"), "--cache-storage-s3-access-key-id and",
             "both, or none");
}

TEST_F(Storage, ADatabaseServerHasConnections) {
  auto with_pool = [](std::vector<std::string> more) {
    more.push_back("--cache-storage-local=/x");
    more.push_back("--cache-database-url=mysql://h/d");
    return with(std::move(more));
  };
  auto loaded = with_pool({});
  EXPECT_EQ(lines(loaded.mistakes) + lines(loaded.warnings), "");
  EXPECT_EQ(loaded.options.database.kind, db::DatabaseKind::mysql);
  EXPECT_EQ(loaded.options.database_pool.open, 8u);
  EXPECT_EQ(loaded.options.database_pool.idle, 8u);
  auto pool = with_pool({"--cache-database-pool-max-open-conns=25",
                         "--cache-database-pool-max-idle-conns=5"})
                  .options.database_pool;
  EXPECT_EQ(pool.open, 25u);
  EXPECT_EQ(pool.idle, 5u);
  pool = with_pool({"--cache-database-pool-max-open-conns=1000000",
                    "--cache-database-pool-max-idle-conns=1000000"})
             .options.database_pool;
  EXPECT_EQ(pool.open, 256u);
  EXPECT_EQ(pool.idle, 256u);
  EXPECT_EQ(with_pool({"--cache-database-pool-max-open-conns=x"}).mistakes.size(), 1u);
}

const OptionSpec& spec(std::string_view flag) {
  return *std::ranges::find(option_table(), flag, &OptionSpec::flag);
}

TEST(NeedRestart, NamesWhatOnlyARestartPutsIntoForce) {
  for (const auto& option : option_table()) {
    RawValues now, same, next;
    now[option.flag] = {{"a"}, "--x"};
    same[option.flag] = {{"a"}, "the default"};
    next[option.flag] = {{"b"}, "--x"};
    std::vector<std::string> want;
    if (option.reload == Reload::no && option.effect != Effect::none)
      want = {std::string(option.flag)};
    EXPECT_TRUE(need_restart(now, same).empty()) << option.flag;
    EXPECT_EQ(need_restart(now, next), want) << option.flag;
    EXPECT_EQ(need_restart({}, next), want) << "set: " << option.flag;
    EXPECT_EQ(need_restart(now, {}), want) << "taken away: " << option.flag;
  }
}

TEST(NeedRestart, IsNotNeededForUpstreamsKeysNetrcLevelAndSigning) {
  for (auto flag :
       {"--log-level", "--cache-upstream-url", "--cache-upstream-public-key",
        "--cache-upstream-dialer-timeout", "--cache-upstream-response-header-timeout",
        "--cache-upstream-stall-timeout", "--netrc-file", "--cache-sign-narinfo",
        "--cache-sign-unverified", "--cache-secret-key-path", "--cache-get-token",
        "--cache-put-token", "--cache-delete-token", "--cache-admin-token", "--cache-token-file",
        "--cache-peer-secret", "--cache-max-size", "--cache-lru-schedule"})
    EXPECT_EQ(spec(flag).reload, Reload::yes) << flag;
  for (auto flag :
       {"--cache-hostname", "--cache-storage-local", "--server-addr", "--cache-database-url"})
    EXPECT_EQ(spec(flag).reload, Reload::no) << flag;
}

TEST(NeedRestart, IsFoundBetweenTwoStarts) {
  auto a = load_with(serve_and({"--server-addr=:1", "--log-level=info"}));
  auto b = load_with(serve_and({"--server-addr=:2", "--log-level=debug"}));
  EXPECT_EQ(need_restart(a.values, b.values), std::vector<std::string>{"--server-addr"});
}

TEST(Limits, AreBytesOrAPartOfTheFileSystem) {
  auto none = load_with(serve_and({})).options;
  EXPECT_EQ(none.max_size + none.min_free_bytes + none.min_free_percent, 0u);
  EXPECT_FALSE(none.lru_schedule);
  auto all = load_with(
      serve_and({"--cache-max-size=10G", "--cache-min-free=5%", "--cache-lru-schedule=@daily"}));
  EXPECT_EQ(all_words(all), "");
  EXPECT_EQ(all.options.max_size, 10ULL << 30);
  EXPECT_EQ(all.options.min_free_percent, 5u);
  EXPECT_TRUE(all.options.lru_schedule);
  EXPECT_EQ(load_with(serve_and({"--cache-min-free=20G"})).options.min_free_bytes, 20ULL << 30);
  for (auto bad : {"100%", "-1%", "5 %", "%", "5.5%", "20"}) {
    auto loaded = load_with(serve_and({std::string("--cache-min-free=") + bad}));
    ASSERT_EQ(loaded.mistakes.size(), 1u) << bad;
    EXPECT_TRUE(loaded.mistakes[0].contains("--cache-min-free")) << loaded.mistakes[0];
  }
}

}  // namespace
}  // namespace ncps::config
