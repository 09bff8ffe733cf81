// What `ncps serve` is to do, read and checked.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/token.h"
#include "base/cron.h"
#include "config/raw_values.h"
#include "db/database_url.h"
#include "db/pool_limits.h"
#include "fetch/elsewhere.h"
#include "http/listen_address.h"
#include "http/server_limits.h"
#include "http/tls_context.h"
#include "lock/redis/redis_options.h"
#include "nix/nar_info.h"
#include "nix/signature.h"
#include "storage/s3/s3_options.h"
#include "telemetry/collector_url.h"
#include "telemetry/log.h"
#include "upstream/upstream_url.h"

namespace ncps::config {

struct ServeOptions {
  log::Level log_level = log::Level::info;
  std::optional<bool> log_console;  // absent: as stdout is a terminal or not
  std::string hostname;
  std::filesystem::path storage_local;      // unless there is storage_s3
  std::optional<s3::S3Options> storage_s3;  // without environment and spool folder
  std::uint64_t s3_local_cache = 0;         // bytes of local copies; 0: none are made
  db::DatabaseUrl database;
  db::PoolLimits database_pool;
  std::filesystem::path temp_path;
  std::vector<upstream::UpstreamUrl> upstreams;
  std::vector<nix::PublicKey> upstream_keys;
  std::chrono::milliseconds dialer_timeout{};
  std::chrono::milliseconds response_header_timeout{};
  std::chrono::milliseconds stall_timeout{};               // of upstreams' bodies
  bool offline = false;                                    // no upstream is asked
  fetch::Elsewhere elsewhere = fetch::Elsewhere::outward;  // where upstreams may lead us
  bool prefetch_nars = true;
  bool prefetch_narinfos = true;
  std::chrono::milliseconds negative_ttl{};
  std::optional<std::filesystem::path> netrc_file;  // absent: there is none
  bool sign_narinfo = true;
  bool sign_unverified = false;
  bool sign_uploads = false;
  bool allow_put = false;
  bool allow_delete = false;
  bool require_trusted_signature = false;
  std::vector<nix::PublicKey> upload_keys;
  std::uint64_t max_upload_size = 0;  // bytes; 0: any
  bool require_references = false;
  std::vector<nix::SecretKey> secret_keys;   // read from their files; empty: the store's own
  std::vector<access::Token> tokens;         // who may do what; empty: anybody may do anything
  std::uint64_t max_size = 0;                // bytes to keep; 0: no limit
  std::uint64_t min_free_bytes = 0;          // of the store's file system; 0: none
  unsigned min_free_percent = 0;             // of it, up to 100
  std::optional<CronSchedule> lru_schedule;  // absent: no round by the clock
  http::ListenAddress listen;
  http::ServerLimits server;
  http::Proxies proxies;
  std::size_t max_downloads = 64;  // at once; half of them without a client
  std::size_t max_queued_downloads = 10'000;
  std::size_t max_uploads = 64;  // NARs at once
  std::size_t max_queued_uploads = 1'000;
  std::size_t max_narinfo_searches = 4'096;  // at upstreams at once
  std::uint64_t max_temp_size = 0;           // bytes of downloads and uploads under way; 0: any
  std::size_t max_narinfo_size = nix::kMaxNarInfoBytes;
  std::shared_ptr<const http::TlsContext> tls;  // absent: plain HTTP
  bool certificates_required = false;           // of clients; false: they may be shown
  bool http2 = true;                            // spoken with who begins with it
  bool otel = false;                            // logs, metrics and traces are sent
  std::optional<telemetry::CollectorUrl>
      collector;            // where to; absent: where the standard's variables say, or stdout
  bool prometheus = false;  // /metrics is there
  std::chrono::milliseconds drain_delay{};     // from a signal to the end of listening
  std::optional<CronSchedule> scrub_schedule;  // absent: what is kept is not read again
  std::uint64_t scrub_rate = 0;                // bytes a second; 0: as fast as they come
  std::optional<redis::RedisOptions> redis;    // absent: this is the only instance
  std::chrono::milliseconds download_lease{};  // how long it outlives an instance that has died
  std::chrono::milliseconds lru_lease{};       // the same for making room, fsck, the scrub
  bool degraded_leases = false;                // without Redis go on with leases of our own
  std::string peer_secret;                     // of all instances; empty: made of the signing key
  std::string advertise_url;                   // where other instances reach us; empty: found out
  std::chrono::milliseconds poll_timeout{30'000};  // without a byte from another instance
};

// The options, and every mistake and warning: one line each, naming origin, value and what would be
// right.
struct ReadOptions {
  ServeOptions options;
  std::vector<std::string> mistakes;
  std::vector<std::string> missing;  // mistakes as well, unless a source could not be read
  std::vector<std::string> warnings;
};
ReadOptions read_serve_options(const RawValues& values, const Environment& environment);

}  // namespace ncps::config
