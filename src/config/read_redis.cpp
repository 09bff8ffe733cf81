#include "config/read_redis.h"

#include <unistd.h>

#include "base/duration.h"
#include "lock/redis/lease_keys.h"

namespace ncps::config {
namespace {

using std::chrono::milliseconds;

constexpr unsigned kMostConnections = 1'000;
constexpr std::size_t kMostPrefix = 256;
// Shorter ones would be lost whenever a machine is busy.
constexpr milliseconds kShortestLease{1'000};

Result<std::string> parse_backend(std::string_view text) {
  if (text == "local" || text == "redis") return std::string(text);
  return fail(ErrorKind::invalid, "is no lock backend; write local or redis");
}

Result<std::string> parse_prefix(std::string_view text) {
  if (text.size() > kMostPrefix) return fail(ErrorKind::invalid, "is longer than 256 bytes");
  if (!redis::is_usable_prefix(text))
    return fail(ErrorKind::invalid,
                "holds {}, by which a cluster would keep the parts of a lease apart");
  return std::string(text);
}

Result<unsigned> parse_pool_size(std::string_view text) {
  TRY(auto size, parse_count(text));
  if (size == 0 || size > kMostConnections)
    return fail(ErrorKind::invalid, "is no number of connections; write 1 to 1000");
  return size;
}

Result<unsigned> parse_attempts(std::string_view text) {
  TRY(auto attempts, parse_count(text));
  if (attempts == 0) return fail(ErrorKind::invalid, "must be at least 1: the first one counts");
  return attempts;
}

Result<milliseconds> parse_delay(std::string_view text) {
  TRY(auto delay, parse_duration_ms(text));
  if (delay.count() <= 0) return fail(ErrorKind::invalid, "must be longer than 0");
  return delay;
}

Result<milliseconds> parse_lease(std::string_view text) {
  TRY(auto time, parse_duration_ms(text));
  if (time < kShortestLease) return fail(ErrorKind::invalid, "must be at least 1s");
  return time;
}

Result<std::filesystem::path> parse_ca_file(std::string_view text) {
  TRY(auto path, parse_path(text));
  if (::access(path.c_str(), R_OK) != 0) return fail(ErrorKind::invalid, "cannot be read");
  return path;
}

Result<std::string> as_it_is(std::string_view text) {
  return std::string(text);
}

redis::RedisOptions read_server(Reader& read) {
  redis::RedisOptions o;
  read.many("--cache-redis-addrs", o.addresses, redis::parse_node_address);
  read.one("--cache-redis-username", o.login.username, as_it_is);
  read.one("--cache-redis-password", o.login.password, as_it_is);
  read.one("--cache-redis-db", o.login.database, parse_count);
  if (o.login.database != 0 && o.addresses.size() > 1)
    read.mistake(
        "--cache-redis-db: several --cache-redis-addrs are a cluster, which has database 0 alone");
  read.one("--cache-redis-use-tls", o.tls.wanted, parse_bool);
  read.one("--cache-redis-ca-file", o.tls.ca_file, parse_ca_file);
  if (!o.tls.ca_file.empty() && !o.tls.wanted)
    read.mistake("--cache-redis-ca-file is given, but --cache-redis-use-tls is not");
  read.one("--cache-redis-pool-size", o.pool_size, parse_pool_size);
  read.one("--cache-redis-key-prefix", o.key_prefix, parse_prefix);
  read.one("--cache-lock-retry-max-attempts", o.retry.attempts, parse_attempts);
  read.one("--cache-lock-retry-initial-delay", o.retry.first, parse_delay);
  read.one("--cache-lock-retry-max-delay", o.retry.ceiling, parse_delay);
  read.one("--cache-lock-retry-jitter", o.jitter, parse_bool);
  return o;
}

}  // namespace

void read_redis(Reader& read, const RawValues& values, ServeOptions& into,
                std::vector<std::string>& warnings) {
  auto server = read_server(read);
  bool given = read.has("--cache-redis-addrs");
  std::string backend;
  read.one("--cache-lock-backend", backend, parse_backend);
  if (auto it = values.find("--cache-lock-backend"); it != values.end()) {
    const auto& origin = it->second.origin;
    if (backend == "redis" && !given)
      read.mistake(origin +
                   ": --cache-lock-backend is redis, but --cache-redis-addrs is not given");
    if (backend == "local" && given && origin != "the default")
      warnings.push_back(origin +
                         ": --cache-lock-backend is local, but --cache-redis-addrs is given: the "
                         "locks are kept in Redis");
  }
  if (given) into.redis = std::move(server);
  read.one("--cache-lock-download-ttl", into.download_lease, parse_lease);
  read.one("--cache-lock-lru-ttl", into.lru_lease, parse_lease);
  read.one("--cache-lock-allow-degraded-mode", into.degraded_leases, parse_bool);
}

}  // namespace ncps::config
