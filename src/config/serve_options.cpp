#include "config/serve_options.h"

#include <unistd.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "access/access.h"
#include "base/byte_size.h"
#include "base/cron.h"
#include "base/duration.h"
#include "config/option_table.h"
#include "config/private_file.h"
#include "config/read_peers.h"
#include "config/read_redis.h"
#include "config/read_s3.h"
#include "config/read_server.h"
#include "config/read_tls.h"
#include "config/read_tokens.h"
#include "config/reader.h"

namespace ncps::config {
namespace {

// Of several instances: two looks of a balancer, each second or two, and its word to its own threads.
constexpr auto kDrainDelay = std::chrono::seconds(5);

Result<log::Level> parse_level(std::string_view text) {
  using log::Level;
  for (auto level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error,
                     Level::fatal, Level::panic})
    if (text == log::to_string(level)) return level;
  return fail(ErrorKind::invalid,
              "is no level; write trace, debug, info, warn, error, fatal or panic");
}

Result<std::string> parse_hostname(std::string_view text) {
  if (text.find("://") != text.npos)
    return fail(ErrorKind::invalid, "has a scheme; write the host name alone");
  if (text.find('/') != text.npos)
    return fail(ErrorKind::invalid, "has a path; write the host name alone");
  if (text.empty() || text.find_first_of(": \t\r\n") != text.npos) {
    return fail(ErrorKind::invalid,
                "is empty, or holds ':' or white space, which the name of a key may not");
  }
  return std::string(text);
}

Result<std::chrono::milliseconds> parse_timeout(std::string_view text) {
  TRY(auto duration, parse_duration_ms(text));
  if (duration.count() <= 0) return fail(ErrorKind::invalid, "must be longer than 0");
  return duration;
}

// Whether it is "offline".
Result<bool> parse_mode(std::string_view text) {
  if (text == "auto" || text == "offline") return text == "offline";
  return fail(ErrorKind::invalid, "is no mode; write auto or offline");
}

Result<fetch::Elsewhere> parse_elsewhere(std::string_view text) {
  if (text == "same-host") return fetch::Elsewhere::same_host;
  if (text == "public") return fetch::Elsewhere::outward;
  if (text == "any") return fetch::Elsewhere::any;
  return fail(ErrorKind::invalid, "says not where to; write same-host, public or any");
}

Result<std::string> parse_prefetch(std::string_view text) {
  if (text == "nar" || text == "narinfo" || text == "off") return std::string(text);
  return fail(ErrorKind::invalid, "cannot be fetched ahead; write nar, narinfo or off");
}

Result<nix::SecretKey> read_key_file(const std::string& path) {
  TRY(auto text, read_private_file(path));
  auto key = nix::SecretKey::parse(text);
  if (!key) return fail(ErrorKind::invalid, "holds no signing key: " + key.error().what());
  return key;
}

Result<std::filesystem::path> parse_readable(std::string_view text) {
  TRY(auto path, parse_path(text));
  if (::access(path.c_str(), R_OK) != 0) return fail(ErrorKind::invalid, "cannot be read");
  return path;
}

Result<std::string> anything(std::string_view text) {
  return std::string(text);
}

void read_scrub(Reader& read, const RawValues& values, ServeOptions& o) {
  auto zone = values.find("--cache-lru-schedule-timezone");
  auto parse = [&](std::string_view text) {
    auto in_zone = CronSchedule::parse(
        text, zone == values.end() ? std::string_view("Local") : zone->second.values.back());
    // What is wrong with the zone is said where that is read.
    return in_zone ? in_zone : CronSchedule::parse(text, "UTC");
  };
  read.one("--cache-scrub-schedule", o.scrub_schedule, parse);
  read.one("--cache-scrub-rate", o.scrub_rate, parse_byte_size);
}

// What this version does not act on yet is read all the same: a mistake is said today, not after an
// upgrade.
void check_the_rest(Reader& read) {
  for (const auto& option : option_table()) {
    if (option.effect == Effect::full || option.effect == Effect::none) continue;
    switch (option.kind) {
      case Kind::size: read.check(option.flag, parse_byte_size); break;
      case Kind::duration: read.check(option.flag, parse_duration_ms); break;
      case Kind::count: read.check(option.flag, parse_count); break;
      case Kind::flag: read.check(option.flag, parse_bool); break;
      case Kind::text:
      case Kind::path:
      case Kind::list: read.check(option.flag, anything); break;
      case Kind::cron: break;  // needs its time zone
    }
  }
}

void read_storage(Reader& read, ReadOptions& out) {
  auto& o = out.options;
  bool local = read.has("--cache-storage-local"), s3 = read.has("--cache-storage-s3-bucket");
  if (!local && !s3) {
    read.missing(
        "--cache-storage-local is missing: give the directory that is to keep the cache, or "
        "--cache-storage-s3-bucket");
  }
  if (local && s3)
    read.mistake(
        "--cache-storage-local and --cache-storage-s3-bucket exclude each other: give one");
  read.one("--cache-storage-local", o.storage_local, parse_path);
  auto in_storage = o.storage_local / "var" / "ncps" / "db" / "db.sqlite";
  o.database = {.kind = db::DatabaseKind::sqlite, .sqlite_path = in_storage};
  read.one("--cache-database-url", o.database, db::parse_database_url);
  bool sqlite = o.database.kind == db::DatabaseKind::sqlite;
  unsigned open = 0, idle = 0;  // 0: not said
  read.one("--cache-database-pool-max-open-conns", open, parse_count);
  read.one("--cache-database-pool-max-idle-conns", idle, parse_count);
  o.database_pool = db::pool_limits(open, idle);
  if (s3 && !local && !read.has("--cache-database-url")) {
    read.missing("--cache-database-url is missing: with S3 there is no place of its own for it");
  }
  if (sqlite && read.has("--cache-redis-addrs")) {
    read.mistake(
        "--cache-redis-addrs: several instances cannot share SQLite; name a PostgreSQL or MySQL "
        "database");
  }
  std::error_code ec;  // without a usable TMPDIR
  o.temp_path = std::filesystem::temp_directory_path(ec);
  if (ec) o.temp_path = "/tmp";
  read.one("--cache-temp-path", o.temp_path, parse_path);
  auto bucket = read_s3(read);
  read.one("--cache-storage-s3-local-cache-size", o.s3_local_cache, parse_byte_size);
  if (o.s3_local_cache > 0 && bucket.outside_urls == s3::OutsideUrls::yes)
    read.mistake(
        "--cache-storage-s3-local-cache-size and --cache-storage-s3-redirect exclude each other: "
        "clients who are sent to the bucket never read what is kept here");
  if (s3) o.storage_s3 = std::move(bucket);
}

// "5%" or "20G".
Result<std::pair<std::uint64_t, unsigned>> parse_min_free(std::string_view text) {
  if (!text.ends_with('%')) {
    TRY(auto bytes, parse_byte_size(text));
    return std::pair(bytes, 0U);
  }
  auto percent = parse_count(text.substr(0, text.size() - 1));
  if (!percent || *percent > 99)
    return fail(ErrorKind::invalid, "is no part of a file system; write 1% to 99%, or a size");
  return std::pair(std::uint64_t{0}, *percent);
}

void read_limits(Reader& read, ServeOptions& o, const RawValues& values) {
  read.one("--cache-max-size", o.max_size, parse_byte_size);
  std::pair<std::uint64_t, unsigned> min_free;
  read.one("--cache-min-free", min_free, parse_min_free);
  std::tie(o.min_free_bytes, o.min_free_percent) = min_free;
  if (min_free != std::pair<std::uint64_t, unsigned>() && o.storage_s3)
    read.mistake(
        "--cache-min-free is given, but a bucket has no file system: use --cache-max-size");
  std::string zone = "Local";
  auto as_zone = [](std::string_view text) -> Result<std::string> {
    TRY(CronSchedule::parse("@daily", text));
    return std::string(text);
  };
  read.one("--cache-lru-schedule-timezone", zone, as_zone);
  // What is wrong with the zone has been said.
  auto in_zone = [&](std::string_view text) { return CronSchedule::parse(text, zone); };
  read.one("--cache-lru-schedule", o.lru_schedule, in_zone);
  auto size = values.find("--cache-max-size");
  bool unlimited =
      size == values.end() || parse_byte_size(size->second.values.back()).value_or(1) == 0;
  if (values.contains("--cache-lru-schedule") && unlimited) {
    read.mistake(
        "--cache-lru-schedule is given, but --cache-max-size is not: say how much may be kept");
  }
}

void read_prefetch(Reader& read, ServeOptions& o) {
  std::vector<std::string> what;
  read.many("--cache-prefetch", what, parse_prefetch);
  auto wants = [&](std::string_view one) { return std::ranges::find(what, one) != what.end(); };
  if (wants("off") && what.size() > 1) read.mistake("--cache-prefetch: off goes with nothing else");
  o.prefetch_nars = wants("nar");
  o.prefetch_narinfos = wants("narinfo");
}

void read_upstreams(Reader& read, ServeOptions& o, const Environment& environment) {
  if (!read.has("--cache-upstream-url")) {
    read.missing(
        "--cache-upstream-url is missing: give a cache to ask, such as https://cache.nixos.org");
  }
  read.many("--cache-upstream-url", o.upstreams, upstream::UpstreamUrl::parse);
  read.many("--cache-upstream-public-key", o.upstream_keys, nix::PublicKey::parse);
  read.one("--cache-upstream-dialer-timeout", o.dialer_timeout, parse_timeout);
  read.one("--cache-upstream-response-header-timeout", o.response_header_timeout, parse_timeout);
  read.one("--cache-upstream-stall-timeout", o.stall_timeout, parse_timeout);
  read.one("--cache-upstream-mode", o.offline, parse_mode);
  read.one("--cache-upstream-redirects", o.elsewhere, parse_elsewhere);
  read_prefetch(read, o);
  read.one("--cache-negative-ttl", o.negative_ttl, parse_duration_ms);
  read.one("--netrc-file", o.netrc_file, parse_readable);
  auto home = environment("HOME");
  if (!read.has("--netrc-file") && home) {
    auto usual = std::filesystem::path(*home) / ".netrc";
    if (::access(usual.c_str(), R_OK) == 0) o.netrc_file = usual;
  }
}

void read_secret_keys(Reader& read, ServeOptions& o) {
  read.many("--cache-secret-key-path", o.secret_keys, read_key_file);
  for (std::size_t i = 0; i < o.secret_keys.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (o.secret_keys[i].name() == o.secret_keys[k].name())
        read.mistake("--cache-secret-key-path: two of the files hold a key of the same name, '" +
                     o.secret_keys[i].name() + "': clients tell keys apart by their names");
}

void read_uploads(Reader& read, ReadOptions& out) {
  auto& o = out.options;
  read.one("--cache-allow-put-verb", o.allow_put, parse_bool);
  read.one("--cache-allow-delete-verb", o.allow_delete, parse_bool);
  read.one("--cache-require-trusted-signature", o.require_trusted_signature, parse_bool);
  read.many("--cache-trusted-upload-key", o.upload_keys, nix::PublicKey::parse);
  read.one("--cache-max-upload-size", o.max_upload_size, parse_byte_size);
  read.one("--cache-upload-require-references", o.require_references, parse_bool);
  read.one("--cache-sign-uploads", o.sign_uploads, parse_bool);
  if (o.allow_put && o.require_trusted_signature && o.upload_keys.empty())
    out.warnings.push_back(
        "--cache-require-trusted-signature without --cache-trusted-upload-key: only paths that "
        "follow from their contents can be uploaded");
}

// Whoever sets tokens means to close something, and may not know that this stays open.
void warn_of_open_writes(ReadOptions& out) {
  const auto& o = out.options;
  access::Rights given;
  for (const auto& token : o.tokens) given = given | token.rights;
  if (given.empty()) return;
  struct Row {
    bool allowed;
    access::Right right;
    std::string_view flag, what, token;
  };
  using access::Right;
  const Row rows[] = {
      {o.allow_put, Right::write, "--cache-allow-put-verb", "upload", "--cache-put-token"},
      {o.allow_delete, Right::remove, "--cache-allow-delete-verb", "delete",
       "--cache-delete-token"}};
  for (const auto& row : rows)
    if (row.allowed && access::guardians(row.right, given).empty())
      out.warnings.push_back(std::string(row.flag) + ": everybody may " + std::string(row.what) +
                             ", because none of the tokens is for that: set " +
                             std::string(row.token) + ", or one in a --cache-token-file");
}

}  // namespace

ReadOptions read_serve_options(const RawValues& values, const Environment& environment) {
  ReadOptions out;
  auto& o = out.options;
  Reader read(values);
  read.one("--log-level", o.log_level, parse_level);
  read.one("--log-console-writer-enabled", o.log_console, parse_bool);
  if (!read.has("--cache-hostname")) {
    read.missing(
        "--cache-hostname is missing: give the name of this cache, such as cache.example.org");
  }
  read.one("--cache-hostname", o.hostname, parse_hostname);
  read_storage(read, out);
  read_upstreams(read, o, environment);
  read.one("--cache-sign-narinfo", o.sign_narinfo, parse_bool);
  read.one("--cache-sign-unverified", o.sign_unverified, parse_bool);
  read_uploads(read, out);
  read_secret_keys(read, o);
  o.tokens = read_tokens(read, out.warnings);
  warn_of_open_writes(out);
  read_limits(read, o, values);
  read.one("--server-addr", o.listen, http::parse_listen_address);
  read.one("--server-http2", o.http2, parse_bool);
  read_tls(read, o, out.warnings);
  read.one("--prometheus-enabled", o.prometheus, parse_bool);
  // Nobody looks at a single instance's /readyz before it connects.
  if (read.has("--cache-redis-addrs")) o.drain_delay = kDrainDelay;
  read.one("--server-drain-delay", o.drain_delay, parse_duration_ms);
  read.one("--otel-enabled", o.otel, parse_bool);
  if (read.has("--otel-grpc-url"))
    read.one("--otel-grpc-url", o.collector, telemetry::parse_collector_url);
  read_scrub(read, values, o);
  read_redis(read, values, o, out.warnings);
  read_peers(read, o);
  read_server(read, o);
  check_the_rest(read);
  out.missing = read.take_missing();
  out.mistakes = std::move(read).mistakes();
  return out;
}

}  // namespace ncps::config
