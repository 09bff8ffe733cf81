#include "config/option_table.h"

#include <algorithm>
#include <array>

namespace ncps::config {
namespace {

using enum Kind;

constexpr auto kGlobal = Scope::global;
constexpr auto kServe = Scope::serve;
constexpr auto kFull = Effect::full;
constexpr auto kNone = Effect::none;
constexpr auto kOpen = Secret::no;
constexpr auto kSecret = Secret::yes;
constexpr auto kStart = Reload::no;
constexpr auto kLive = Reload::yes;

constexpr std::string_view kGeneral = "General";
constexpr std::string_view kCache = "The cache";
constexpr std::string_view kUpstream = "Upstream caches";
constexpr std::string_view kSigning = "Keys and signatures";
constexpr std::string_view kAccess = "Who may do what";
constexpr std::string_view kDatabase = "Database";
constexpr std::string_view kS3 = "S3 storage";
constexpr std::string_view kSize = "Size limit";
constexpr std::string_view kLimits = "Limits, and proxies before us";
constexpr std::string_view kRedis = "Several instances: Redis and locks";
constexpr std::string_view kSeeing = "Seeing into it";
constexpr std::string_view kCare = "Looking after what is kept";
constexpr std::string_view kAbsent = "Accepted from other versions, without effect";

constexpr std::array kOptions = {
    // clang-format off
    OptionSpec{kGeneral, "--config", "NCPS_CONFIG_FILE", "", path, kGlobal, kFull, kOpen, kStart, "",
        "The configuration file, YAML, TOML or JSON (default: ncps/config.yaml in $XDG_CONFIG_HOME, which is ~/.config if not set; that one need not exist)"},
    OptionSpec{kGeneral, "--log-level", "LOG_LEVEL", "log.level", text, kGlobal, kFull, kOpen, kLive, "info",
        "What to log: trace, debug, info, warn, error, fatal or panic, and what is above it"},
    OptionSpec{kGeneral, "--log-console-writer-enabled", "", "", flag, kGlobal, kFull, kOpen, kStart, "",
        "Log for people instead of JSON lines (default: true on a terminal)"},
    OptionSpec{kGeneral, "--log-console-writer-prefix", "", "", text, kGlobal, kNone, kOpen, kStart, "",
        "A prefix of console log lines"},
    OptionSpec{kGeneral, "--server-addr", "SERVER_ADDR", "server.addr", text, kServe, kFull, kOpen, kStart, ":8501",
        "Where to listen: host:port, [ipv6]:port, :port for every address, or unix:/path"},
    OptionSpec{kGeneral, "--server-http2", "SERVER_HTTP2", "server.http2", flag, kServe, kFull, kOpen, kStart, "true",
        "Speak HTTP/2 with clients that begin with it: over TLS, or in the clear to those that know it beforehand (proxies, curl --http2-prior-knowledge). HTTP/1.1 is spoken in any case"},
    OptionSpec{kGeneral, "--server-drain-delay", "SERVER_DRAIN_DELAY", "server.drain-delay", duration, kServe, kFull, kOpen, kStart, "",
        "How long to go on serving, with 503 from /readyz, after SIGTERM or SIGINT, so that balancers send clients elsewhere first (default: 0, with --cache-redis-addrs 5s)"},
    OptionSpec{kGeneral, "--server-tls-cert", "SERVER_TLS_CERT", "server.tls.cert", path, kServe, kFull, kOpen, kLive, "",
        "The file with our certificate, PEM, and those that lead from it to an authority: clients are spoken to over TLS, on the port of --server-addr (default: plain HTTP)"},
    OptionSpec{kGeneral, "--server-tls-key", "SERVER_TLS_KEY", "server.tls.key", path, kServe, kFull, kOpen, kLive, "",
        "The file with the key of that certificate, PEM, not encrypted, which others may not read"},
    OptionSpec{kGeneral, "--server-tls-client-ca", "SERVER_TLS_CLIENT_CA", "server.tls.client-ca", path, kServe, kFull, kOpen, kLive, "",
        "The file with the authorities, PEM, that sign the certificates of clients (default: clients are asked for none)"},
    OptionSpec{kGeneral, "--server-tls-client-auth", "SERVER_TLS_CLIENT_AUTH", "server.tls.client-auth", text, kServe, kFull, kOpen, kLive, "",
        "require: who shows no certificate gets 403, but for /healthz, /readyz and other instances; optional: who shows one may do what --cache-token-file gives it (default: require)"},

    OptionSpec{kCache, "--cache-hostname", "CACHE_HOSTNAME", "cache.hostname", text, kServe, kFull, kOpen, kStart, "",
        "The name of this cache, and of its signing key: a host name without scheme or path (required)"},
    OptionSpec{kCache, "--cache-storage-local", "CACHE_STORAGE_LOCAL", "cache.storage.local", path, kServe, kFull, kOpen, kStart, "",
        "The directory that keeps what is cached; created if missing (this or S3 is required)"},
    OptionSpec{kCache, "--cache-temp-path", "CACHE_TEMP_PATH", "cache.temp-path", path, kServe, kFull, kOpen, kStart, "",
        "The directory for temporary files; created if missing. Local storage needs none: downloads grow in its store/tmp, so that keeping them costs no copy (default: the system's)"},
    OptionSpec{kCache, "--cache-download-poll-timeout", "CACHE_DOWNLOAD_POLL_TIMEOUT", "cache.download-poll-timeout", duration, kServe, kFull, kOpen, kStart, "30s",
        "How long to wait without a byte for a download that another instance does; then a client's NAR is fetched once more"},

    OptionSpec{kUpstream, "--cache-upstream-url", "CACHE_UPSTREAM_URLS", "cache.upstream.urls", list, kServe, kFull, kOpen, kLive, "",
        "A cache to ask, such as https://cache.nixos.org; repeat it for more. ?priority=N at its end: lower is asked first (required)"},
    OptionSpec{kUpstream, "--cache-upstream-public-key", "CACHE_UPSTREAM_PUBLIC_KEYS", "cache.upstream.public-keys", list, kServe, kFull, kOpen, kLive, "",
        "A key, name:base64, whose signatures are trusted, from whichever upstream they come; repeat it for more. Without any, nothing is verified and nothing is signed"},
    OptionSpec{kUpstream, "--cache-upstream-dialer-timeout", "CACHE_UPSTREAM_DIALER_TIMEOUT", "cache.upstream.dialer-timeout", duration, kServe, kFull, kOpen, kLive, "3s",
        "How long an attempt to connect to an upstream may take"},
    OptionSpec{kUpstream, "--cache-upstream-response-header-timeout", "CACHE_UPSTREAM_RESPONSE_HEADER_TIMEOUT", "cache.upstream.response-header-timeout", duration, kServe, kFull, kOpen, kLive, "3s",
        "How long an upstream may take to begin its answer, for the first attempt; each further one waits twice as long"},
    OptionSpec{kUpstream, "--cache-upstream-stall-timeout", "CACHE_UPSTREAM_STALL_TIMEOUT", "cache.upstream.stall-timeout", duration, kServe, kFull, kOpen, kLive, "10s",
        "How long an upstream may send no byte of a body; then the rest is asked for anew"},
    OptionSpec{kUpstream, "--cache-upstream-mode", "CACHE_UPSTREAM_MODE", "cache.upstream.mode", text, kServe, kFull, kOpen, kLive, "auto",
        "auto, or offline: no upstream is asked, what is not kept here is not there"},
    OptionSpec{kUpstream, "--cache-upstream-redirects", "CACHE_UPSTREAM_REDIRECTS", "cache.upstream.redirects", text, kServe, kFull, kOpen, kLive, "public",
        "Where redirects, and NAR URLs with a host, may lead: same-host (nowhere else), public (to public addresses, and from an upstream in a private network to private ones), or any"},
    OptionSpec{kUpstream, "--cache-prefetch", "CACHE_PREFETCH", "cache.prefetch", list, kServe, kFull, kOpen, kLive, "nar,narinfo",
        "What to fetch when a client has asked for a new narinfo by GET: nar (its NAR), narinfo (those of all that it refers to), both, or off"},
    OptionSpec{kUpstream, "--cache-negative-ttl", "CACHE_NEGATIVE_TTL", "cache.negative-ttl", duration, kServe, kFull, kOpen, kLive, "60s",
        "How long to remember that no upstream has a store path; 0: not at all"},
    OptionSpec{kUpstream, "--netrc-file", "NETRC_FILE", "cache.netrc-file", path, kServe, kFull, kOpen, kLive, "",
        "The netrc file with user names and passwords for upstreams (default: ~/.netrc, which need not exist)"},

    OptionSpec{kSigning, "--cache-sign-narinfo", "CACHE_SIGN_NARINFO", "cache.sign-narinfo", flag, kServe, kFull, kOpen, kLive, "true",
        "Add our signature to narinfos"},
    OptionSpec{kSigning, "--cache-sign-unverified", "CACHE_SIGN_UNVERIFIED", "cache.sign-unverified", flag, kServe, kFull, kOpen, kLive, "false",
        "Sign also what no trusted key has signed, when no upstream key is configured. Clients will then trust whatever the upstreams send"},
    OptionSpec{kSigning, "--cache-sign-uploads", "CACHE_SIGN_UPLOADS", "cache.sign-uploads", flag, kServe, kFull, kOpen, kLive, "false",
        "Sign also uploads that nobody vouches for: no trusted upload key, no upstream key, and not their contents. Clients will then trust whoever may upload"},
    OptionSpec{kSigning, "--cache-secret-key-path", "CACHE_SECRET_KEY_PATH", "cache.secret-key-path", list, kServe, kFull, kOpen, kLive, "",
        "The file with our signing key, name:base64, which others may not read; repeat it for more: each of them signs (default: generated once, kept in the storage as config/cache.key)"},

    OptionSpec{kAccess, "--cache-allow-put-verb", "CACHE_ALLOW_PUT_VERB", "cache.allow-put-verb", flag, kServe, kFull, kOpen, kLive, "false",
        "Accept uploads (nix copy --to), at the root and below /upload, where no upstream is asked"},
    OptionSpec{kAccess, "--cache-allow-delete-verb", "CACHE_ALLOW_DELETE_VERB", "cache.allow-delete-verb", flag, kServe, kFull, kOpen, kLive, "false",
        "Accept deletions"},
    OptionSpec{kAccess, "--cache-get-token", "CACHE_GET_TOKEN", "cache.get-token", text, kServe, kFull, kSecret, kLive, "",
        "The token that readers must send, as Bearer or as the password of Basic (default: anybody may read)"},
    OptionSpec{kAccess, "--cache-put-token", "CACHE_PUT_TOKEN", "cache.put-token", text, kServe, kFull, kSecret, kLive, "",
        "The token that uploads and pins must send; its holder may also read (default: that of readers)"},
    OptionSpec{kAccess, "--cache-delete-token", "CACHE_DELETE_TOKEN", "cache.delete-token", text, kServe, kFull, kSecret, kLive, "",
        "The token that deletions must send; its holder may also read (default: that of uploads)"},
    OptionSpec{kAccess, "--cache-admin-token", "CACHE_ADMIN_TOKEN", "cache.admin-token", text, kServe, kFull, kSecret, kLive, "",
        "The token of whoever may do everything, and see what others do"},
    OptionSpec{kAccess, "--cache-token-file", "CACHE_TOKEN_FILES", "cache.token-files", list, kServe, kFull, kOpen, kLive, "",
        "A file of further tokens, a line for each: a name, rights (read, write, delete, admin, with commas), sha256:<hash> or cert:<name in a client's certificate>; repeat it for more. `ncps token generate` makes such lines"},
    OptionSpec{kAccess, "--cache-require-trusted-signature", "CACHE_REQUIRE_TRUSTED_SIGNATURE", "cache.require-trusted-signature", flag, kServe, kFull, kOpen, kLive, "false",
        "Accept an uploaded narinfo only with a signature by a trusted upload key, or if its path follows from its contents"},
    OptionSpec{kAccess, "--cache-trusted-upload-key", "CACHE_TRUSTED_UPLOAD_KEYS", "cache.trusted-upload-keys", list, kServe, kFull, kOpen, kLive, "",
        "A key, name:base64, whose signatures are trusted on uploads; repeat it for more"},
    OptionSpec{kAccess, "--cache-max-upload-size", "CACHE_MAX_UPLOAD_SIZE", "cache.max-upload-size", size, kServe, kFull, kOpen, kLive, "16G",
        "How large an uploaded NAR's file may be, such as 500M or 10G; 0: no limit"},
    OptionSpec{kAccess, "--cache-upload-require-references", "CACHE_UPLOAD_REQUIRE_REFERENCES", "cache.upload-require-references", flag, kServe, kFull, kOpen, kLive, "false",
        "Accept an uploaded narinfo only if all that it refers to is here or at an upstream"},

    OptionSpec{kDatabase, "--cache-database-url", "CACHE_DATABASE_URL", "cache.database-url", text, kServe, kFull, kSecret, kStart, "",
        "The database: sqlite:/path/to/db.sqlite, created if missing, postgresql://user:password@host/name or mysql://user:password@host/name (default: var/ncps/db/db.sqlite below the storage)"},
    OptionSpec{kDatabase, "--cache-database-pool-max-open-conns", "CACHE_DATABASE_POOL_MAX_OPEN_CONNS", "cache.database.pool.max-open-conns", count, kServe, kFull, kOpen, kStart, "0",
        "Connections to a database server at once, at most 256; 0: 8. A SQLite file has four"},
    OptionSpec{kDatabase, "--cache-database-pool-max-idle-conns", "CACHE_DATABASE_POOL_MAX_IDLE_CONNS", "cache.database.pool.max-idle-conns", count, kServe, kFull, kOpen, kStart, "0",
        "Connections to a database server that stay open unused; 0: all"},

    OptionSpec{kS3, "--cache-storage-s3-bucket", "CACHE_STORAGE_S3_BUCKET", "cache.storage.s3.bucket", text, kServe, kFull, kOpen, kStart, "",
        "The bucket that keeps what is cached; it must exist"},
    OptionSpec{kS3, "--cache-storage-s3-endpoint", "CACHE_STORAGE_S3_ENDPOINT", "cache.storage.s3.endpoint", text, kServe, kFull, kOpen, kStart, "",
        "The S3 server's URL; https if it has no scheme"},
    OptionSpec{kS3, "--cache-storage-s3-region", "CACHE_STORAGE_S3_REGION", "cache.storage.s3.region", text, kServe, kFull, kOpen, kStart, "",
        "The bucket's region, where the server wants one"},
    OptionSpec{kS3, "--cache-storage-s3-access-key-id", "CACHE_STORAGE_S3_ACCESS_KEY_ID", "cache.storage.s3.access-key-id", text, kServe, kFull, kSecret, kStart, "",
        "The name of the key to the bucket (default: as Amazon's programs look for it: AWS_ACCESS_KEY_ID, web identity, ~/.aws/credentials, container, instance)"},
    OptionSpec{kS3, "--cache-storage-s3-secret-access-key", "CACHE_STORAGE_S3_SECRET_ACCESS_KEY", "cache.storage.s3.secret-access-key", text, kServe, kFull, kSecret, kStart, "",
        "The key to the bucket; together with its name"},
    OptionSpec{kS3, "--cache-storage-s3-force-path-style", "CACHE_STORAGE_S3_FORCE_PATH_STYLE", "cache.storage.s3.force-path-style", flag, kServe, kFull, kOpen, kStart, "false",
        "Name the bucket in the path instead of the host name, also at Amazon, Google and Aliyun; elsewhere that is so anyway"},
    OptionSpec{kS3, "--cache-storage-s3-key-prefix", "CACHE_STORAGE_S3_KEY_PREFIX", "cache.storage.s3.key-prefix", text, kServe, kFull, kOpen, kStart, "",
        "What the key of every object begins with, such as team/cache"},
    OptionSpec{kS3, "--cache-storage-s3-max-transfers", "CACHE_STORAGE_S3_MAX_TRANSFERS", "cache.storage.s3.max-transfers", count, kServe, kFull, kOpen, kStart, "2048",
        "How many requests to the S3 server are under way at once, 16 to 16384; each client that reads an object has one, and up to 600 KiB of buffers. Further ones wait"},
    OptionSpec{kS3, "--cache-storage-s3-storage-class", "CACHE_STORAGE_S3_STORAGE_CLASS", "cache.storage.s3.storage-class", text, kServe, kFull, kOpen, kStart, "",
        "The storage class of what is written, such as STANDARD_IA (default: the bucket's own)"},
    OptionSpec{kS3, "--cache-storage-s3-ca-file", "CACHE_STORAGE_S3_CA_FILE", "cache.storage.s3.ca-file", path, kServe, kFull, kOpen, kStart, "",
        "Certificates, PEM, that the S3 server's is checked against, instead of the system's"},
    OptionSpec{kS3, "--cache-storage-s3-redirect", "CACHE_STORAGE_S3_REDIRECT", "cache.storage.s3.redirect", flag, kServe, kFull, kOpen, kStart, "false",
        "Send clients who want a NAR that is in the bucket to the S3 server, with a URL that is good for 5 minutes; they must reach the endpoint"},
    OptionSpec{kS3, "--cache-storage-s3-local-cache-size", "CACHE_STORAGE_S3_LOCAL_CACHE_SIZE", "cache.storage.s3.local-cache-size", size, kServe, kFull, kOpen, kStart, "0",
        "How much of the NARs that are read often to keep in a folder of --cache-temp-path as well, such as 50G; 0: nothing"},

    OptionSpec{kSize, "--cache-max-size", "CACHE_MAX_SIZE", "cache.max-size", size, kServe, kFull, kOpen, kLive, "0",
        "How much to keep, such as 500M, 10G or 1.5T; what was used longest ago goes before more is stored; 0: no limit"},
    OptionSpec{kSize, "--cache-lru-schedule", "CACHE_LRU_SCHEDULE", "cache.lru.schedule", cron, kServe, kFull, kOpen, kLive, "",
        "When to make room ahead, down to 95 of 100 of --cache-max-size, such as '0 2 * * *', @daily or '@every 1h'"},
    OptionSpec{kSize, "--cache-lru-schedule-timezone", "CACHE_LRU_SCHEDULE_TZ", "cache.lru.timezone", text, kServe, kFull, kOpen, kLive, "Local",
        "The time zone of that schedule: an IANA name, UTC or Local"},
    OptionSpec{kSize, "--cache-min-free", "CACHE_MIN_FREE", "cache.min-free", text, kServe, kFull, kOpen, kLive, "0",
        "What to keep free on the file system of --cache-storage-local, such as 20G or 5%; what was used longest ago goes; 0: nothing"},

    OptionSpec{kLimits, "--server-max-connections", "SERVER_MAX_CONNECTIONS", "server.max-connections", count, kServe, kFull, kOpen, kStart, "16384",
        "How many connections clients may have; further ones get 503"},
    OptionSpec{kLimits, "--server-max-connections-per-client", "SERVER_MAX_CONNECTIONS_PER_CLIENT", "server.max-connections-per-client", count, kServe, kFull, kOpen, kStart, "4096",
        "How many of them one address may have (of IPv6 a /64); further ones get 429; 0: any number. Not for --server-trusted-proxies, nor on a Unix socket. What many share that are not known here, a NAT or a proxy, needs room for all of them"},
    OptionSpec{kLimits, "--server-max-header-size", "SERVER_MAX_HEADER_SIZE", "server.max-header-size", size, kServe, kFull, kOpen, kStart, "32K",
        "How large the head of a request may be, 4K to 1M"},
    OptionSpec{kLimits, "--server-max-target-size", "SERVER_MAX_TARGET_SIZE", "server.max-target-size", size, kServe, kFull, kOpen, kStart, "8K",
        "How large of it the target of a request may be, path and query, 1K to 64K"},
    OptionSpec{kLimits, "--server-http2-max-streams", "SERVER_HTTP2_MAX_STREAMS", "server.http2-max-streams", count, kServe, kFull, kOpen, kStart, "256",
        "How many requests of one HTTP/2 connection may be under way at once, 1 to 2048; Nix makes up to 25, proxies more"},
    OptionSpec{kLimits, "--server-header-timeout", "SERVER_HEADER_TIMEOUT", "server.header-timeout", duration, kServe, kFull, kOpen, kStart, "30s",
        "How long the head of a request may take, from its first byte"},
    OptionSpec{kLimits, "--server-body-timeout", "SERVER_BODY_TIMEOUT", "server.body-timeout", duration, kServe, kFull, kOpen, kStart, "30s",
        "How long an upload may send no byte"},
    OptionSpec{kLimits, "--server-idle-timeout", "SERVER_IDLE_TIMEOUT", "server.idle-timeout", duration, kServe, kFull, kOpen, kStart, "150s",
        "How long a connection may stay open between requests; Nix keeps its own for 118s"},
    OptionSpec{kLimits, "--server-write-timeout", "SERVER_WRITE_TIMEOUT", "server.write-timeout", duration, kServe, kFull, kOpen, kStart, "10m",
        "How long a client may take no byte of what it is sent; Nix pauses for minutes"},
    OptionSpec{kLimits, "--cache-max-downloads", "CACHE_MAX_DOWNLOADS", "cache.max-downloads", count, kServe, kFull, kOpen, kStart, "64",
        "How many NARs are downloaded at once, 1 to 4096; of those that nobody waits for half as many"},
    OptionSpec{kLimits, "--cache-max-queued-downloads", "CACHE_MAX_QUEUED_DOWNLOADS", "cache.max-queued-downloads", count, kServe, kFull, kOpen, kStart, "10000",
        "How many more may wait for their turn; further ones get 503, and what nobody waits for is not fetched ahead"},
    OptionSpec{kLimits, "--cache-max-uploads", "CACHE_MAX_UPLOADS", "cache.max-uploads", count, kServe, kFull, kOpen, kStart, "64",
        "How many NARs are taken in at once, 1 to 4096; three of four from one address at most"},
    OptionSpec{kLimits, "--cache-max-queued-uploads", "CACHE_MAX_QUEUED_UPLOADS", "cache.max-queued-uploads", count, kServe, kFull, kOpen, kStart, "1000",
        "How many more may wait for their turn, up to a minute; further ones get 503. Half of them from one address at most"},
    OptionSpec{kLimits, "--cache-max-narinfo-searches", "CACHE_MAX_NARINFO_SEARCHES", "cache.max-narinfo-searches", count, kServe, kFull, kOpen, kStart, "4096",
        "How many narinfos that are not kept are looked for at upstreams at once, 1 to 65536; further ones get 503"},
    OptionSpec{kLimits, "--cache-max-narinfo-size", "CACHE_MAX_NARINFO_SIZE", "cache.max-narinfo-size", size, kServe, kFull, kOpen, kLive, "1M",
        "How large a narinfo may be, of an upstream or an upload, 4K to 1M"},
    OptionSpec{kLimits, "--cache-max-temp-size", "CACHE_MAX_TEMP_SIZE", "cache.max-temp-size", size, kServe, kFull, kOpen, kStart, "0",
        "How much the files of downloads and uploads under way may hold before no new one begins (503); those that have begun go on; 0: no limit. What of a full disk: --cache-min-free"},
    OptionSpec{kLimits, "--server-proxy-protocol-from", "SERVER_PROXY_PROTOCOL_FROM", "server.proxy-protocol-from", list, kServe, kFull, kOpen, kStart, "",
        "The proxies, as addresses, networks (10.0.0.0/8) or unix, whose connections begin with a PROXY header, version 1 or 2; without it they are closed. From elsewhere none is looked for"},
    OptionSpec{kLimits, "--server-proxy-header-timeout", "SERVER_PROXY_HEADER_TIMEOUT", "server.proxy-header-timeout", duration, kServe, kFull, kOpen, kStart, "10s",
        "How long that header may take, from the connection on"},
    OptionSpec{kLimits, "--server-trusted-proxies", "SERVER_TRUSTED_PROXIES", "server.trusted-proxies", list, kServe, kFull, kOpen, kStart, "",
        "The proxies, as addresses, networks or unix, that are believed when they say whose request they pass on: for the log, for guesses of tokens, and for what one client may have. From elsewhere it is ignored"},
    OptionSpec{kLimits, "--server-forwarded-header", "SERVER_FORWARDED_HEADER", "server.forwarded-header", text, kServe, kFull, kOpen, kStart, "X-Forwarded-For",
        "The header in which they say so: X-Forwarded-For or Forwarded, the one that all of them write; the right-most address in it that is none of theirs is the client"},

    OptionSpec{kRedis, "--cache-redis-addrs", "CACHE_REDIS_ADDRS", "cache.redis.addrs", list, kServe, kFull, kOpen, kStart, "",
        "The Redis server, host:port; several are nodes of one cluster. With it other instances may use the same storage and database; without any, this is the only instance"},
    OptionSpec{kRedis, "--cache-redis-username", "CACHE_REDIS_USERNAME", "cache.redis.username", text, kServe, kFull, kOpen, kStart, "",
        "The user of an ACL of Redis; without it, the default user"},
    OptionSpec{kRedis, "--cache-redis-password", "CACHE_REDIS_PASSWORD", "cache.redis.password", text, kServe, kFull, kSecret, kStart, "",
        "The password for Redis"},
    OptionSpec{kRedis, "--cache-redis-db", "CACHE_REDIS_DB", "cache.redis.db", count, kServe, kFull, kOpen, kStart, "0",
        "The number of the Redis database; a cluster has 0 alone"},
    OptionSpec{kRedis, "--cache-redis-use-tls", "CACHE_REDIS_USE_TLS", "cache.redis.use-tls", flag, kServe, kFull, kOpen, kStart, "false",
        "Speak TLS to Redis"},
    OptionSpec{kRedis, "--cache-redis-ca-file", "CACHE_REDIS_CA_FILE", "cache.redis.ca-file", path, kServe, kFull, kOpen, kStart, "",
        "Certificates to trust for Redis instead of the system's"},
    OptionSpec{kRedis, "--cache-redis-pool-size", "CACHE_REDIS_POOL_SIZE", "cache.redis.pool-size", count, kServe, kFull, kOpen, kStart, "10",
        "Connections to Redis at most, to each node of a cluster; one more hears what others give back"},
    OptionSpec{kRedis, "--cache-redis-key-prefix", "CACHE_REDIS_KEY_PREFIX", "cache.redis.key-prefix", text, kServe, kFull, kOpen, kStart, "ncps:lock:",
        "What the names of our keys and of our channel in Redis begin with; the same for all instances that share a storage"},
    OptionSpec{kRedis, "--cache-lock-backend", "CACHE_LOCK_BACKEND", "cache.lock.backend", text, kServe, kFull, kOpen, kStart, "local",
        "Who keeps the locks: local or redis; where --cache-redis-addrs is given, redis does"},
    OptionSpec{kRedis, "--cache-lock-download-ttl", "CACHE_LOCK_DOWNLOAD_TTL", "cache.lock.download-lock-ttl", duration, kServe, kFull, kOpen, kStart, "5m",
        "How long the lock of a download outlives an instance that has died"},
    OptionSpec{kRedis, "--cache-lock-lru-ttl", "CACHE_LOCK_LRU_TTL", "cache.lock.lru-lock-ttl", duration, kServe, kFull, kOpen, kStart, "30m",
        "The same for making room"},
    OptionSpec{kRedis, "--cache-lock-retry-max-attempts", "CACHE_LOCK_RETRY_MAX_ATTEMPTS", "cache.lock.retry.max-attempts", count, kServe, kFull, kOpen, kStart, "3",
        "How often to ask Redis at most, if it fails, until it is away; then one probe looks when it is back"},
    OptionSpec{kRedis, "--cache-lock-retry-initial-delay", "CACHE_LOCK_RETRY_INITIAL_DELAY", "cache.lock.retry.initial-delay", duration, kServe, kFull, kOpen, kStart, "100ms",
        "How long to wait before asking again, doubled each time"},
    OptionSpec{kRedis, "--cache-lock-retry-max-delay", "CACHE_LOCK_RETRY_MAX_DELAY", "cache.lock.retry.max-delay", duration, kServe, kFull, kOpen, kStart, "2s",
        "The most that is waited"},
    OptionSpec{kRedis, "--cache-lock-retry-jitter", "CACHE_LOCK_RETRY_JITTER", "cache.lock.retry.jitter", flag, kServe, kFull, kOpen, kStart, "true",
        "Vary those delays, so that instances do not come back together"},
    OptionSpec{kRedis, "--cache-lock-allow-degraded-mode", "CACHE_LOCK_ALLOW_DEGRADED_MODE", "cache.lock.allow-degraded-mode", flag, kServe, kFull, kOpen, kStart, "false",
        "Go on with locks of our own while Redis cannot be reached"},
    OptionSpec{kRedis, "--cache-advertise-url", "CACHE_ADVERTISE_URL", "cache.advertise-url", text, kServe, kFull, kOpen, kStart, "",
        "Where the other instances reach this one, such as http://10.0.0.1:8501 (default: the host of --server-addr, else the address by which Redis sees us)"},
    OptionSpec{kRedis, "--cache-peer-secret", "CACHE_PEER_SECRET", "cache.peer-secret", text, kServe, kFull, kSecret, kLive, "",
        "What instances of one cache know each other by, at least 16 characters, the same for all (default: made of their signing key)"},

    OptionSpec{kSeeing, "--prometheus-enabled", "PROMETHEUS_ENABLED", "prometheus.enabled", flag, kGlobal, kFull, kOpen, kStart, "false",
        "Serve metrics at /metrics, for Prometheus"},
    OptionSpec{kSeeing, "--otel-enabled", "OTEL_ENABLED", "opentelemetry.enabled", flag, kGlobal, kFull, kOpen, kStart, "false",
        "Send logs, metrics and traces to an OpenTelemetry collector; the standard's variables OTEL_... count as well"},
    OptionSpec{kSeeing, "--otel-grpc-url", "OTEL_GRPC_URL", "opentelemetry.grpc-url", text, kGlobal, kFull, kOpen, kStart, "",
        "The collector's URL; http:// is plain, https:// or none is TLS (default: OTEL_EXPORTER_OTLP_ENDPOINT; without either, lines of JSON on stdout)"},

    OptionSpec{kCare, "--cache-scrub-schedule", "CACHE_SCRUB_SCHEDULE", "cache.scrub.schedule", cron, kServe, kFull, kOpen, kStart, "",
        "When to read again what is kept, and to remove what is damaged, such as '0 3 * * 0' or @weekly, in the zone of --cache-lru-schedule-timezone (default: never)"},
    OptionSpec{kCare, "--cache-scrub-rate", "CACHE_SCRUB_RATE", "cache.scrub.rate", size, kServe, kFull, kOpen, kStart, "20M",
        "How many bytes a second that reads at most; 0: as fast as they come"},

    OptionSpec{kAbsent, "--analytics-reporting-enabled", "ANALYTICS_REPORTING_ENABLED", "analytics.reporting.enabled", flag, kGlobal, kNone, kOpen, kStart, "",
        "Nothing is ever reported to anybody"},
    OptionSpec{kAbsent, "--analytics-reporting-samples", "", "analytics.reporting.samples", flag, kGlobal, kNone, kOpen, kStart, "",
        "Nothing is ever reported to anybody"},
    OptionSpec{kAbsent, "--use-xz-binary", "USE_XZ_BINARY", "use-xz-binary", flag, kGlobal, kNone, kOpen, kStart, "",
        "xz is decompressed in the program itself"},
    OptionSpec{kAbsent, "--xz-binary-path", "XZ_BINARY_PATH", "xz-binary-path", text, kGlobal, kNone, kOpen, kStart, "",
        "xz is decompressed in the program itself"},
    OptionSpec{kAbsent, "--pprof-addr", "PPROF_ADDR", "pprof.addr", text, kServe, kNone, kOpen, kStart, "",
        "That profiler belongs to Go"},
    OptionSpec{kAbsent, "--cache-cdc-enabled", "CACHE_CDC_ENABLED", "cache.cdc.enabled", flag, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-min", "CACHE_CDC_MIN", "cache.cdc.min", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-avg", "CACHE_CDC_AVG", "cache.cdc.avg", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-max", "CACHE_CDC_MAX", "cache.cdc.max", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-lazy-chunking-enabled", "CACHE_CDC_LAZY_CHUNKING_ENABLED", "cache.cdc.lazy-chunking-enabled", flag, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-background-workers", "CACHE_CDC_BACKGROUND_WORKERS", "cache.cdc.background-workers", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-delete-delay", "CACHE_CDC_DELETE_DELAY", "cache.cdc.delete-delay", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-lazy-recovery-schedule", "CACHE_CDC_LAZY_RECOVERY_SCHEDULE", "cache.cdc.lazy-recovery-schedule", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-lazy-recovery-batch-size", "CACHE_CDC_LAZY_RECOVERY_BATCH_SIZE", "cache.cdc.lazy-recovery-batch-size", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-lazy-cleanup-schedule", "CACHE_CDC_LAZY_CLEANUP_SCHEDULE", "cache.cdc.lazy-cleanup-schedule", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-cdc-chunk-wait-timeout", "CACHE_CDC_CHUNK_WAIT_TIMEOUT", "cache.cdc.chunk-wait-timeout", text, kServe, kNone, kOpen, kStart, "",
        "NARs are kept whole"},
    OptionSpec{kAbsent, "--cache-inflight-staging-enabled", "CACHE_INFLIGHT_STAGING_ENABLED", "cache.inflight-staging.enabled", flag, kServe, kNone, kOpen, kStart, "",
        "Downloads are shared while they run in any case"},
    OptionSpec{kAbsent, "--cache-inflight-staging-retention", "CACHE_INFLIGHT_STAGING_RETENTION", "cache.inflight-staging.retention", text, kServe, kNone, kOpen, kStart, "",
        "Downloads are shared while they run in any case"},
    OptionSpec{kAbsent, "--cache-inflight-staging-part-size", "CACHE_INFLIGHT_STAGING_PART_SIZE", "cache.inflight-staging.part-size", text, kServe, kNone, kOpen, kStart, "",
        "Downloads are shared while they run in any case"},
    // clang-format on
};

constexpr std::array kOldNames = {
    OldName{"--cache-data-path", "CACHE_DATA_PATH", "cache.data-path", "--cache-storage-local", ""},
    OldName{"--upstream-cache", "UPSTREAM_CACHES", "cache.upstream.caches", "--cache-upstream-url",
            ""},
    OldName{"--upstream-public-key", "UPSTREAM_PUBLIC_KEYS", "", "--cache-upstream-public-key", ""},
    OldName{"--upstream-dialer-timeout", "UPSTREAM_DIALER_TIMEOUT", "",
            "--cache-upstream-dialer-timeout", ""},
    OldName{"--upstream-response-header-timeout", "UPSTREAM_RESPONSE_HEADER_TIMEOUT", "",
            "--cache-upstream-response-header-timeout", ""},
    OldName{"--cache-lock-redis-key-prefix", "CACHE_LOCK_REDIS_KEY_PREFIX",
            "cache.lock.redis.key-prefix", "--cache-redis-key-prefix",
            "the name that later versions of the Go program gave it"},
    OldName{"", "", "cache.database.url", "--cache-database-url",
            "the key that `migrate` of the Go program read"},
};

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}
std::span<const OldName> old_names() {
  return kOldNames;
}

}  // namespace ncps::config
