#include "config/option_table.h"

#include <array>

namespace ncps::config {
namespace {

constexpr std::array kOptions = {
    OptionSpec{
        "--log-level", "LOG_LEVEL", "log.level", Kind::text, Scope::global, "info",
        "What to log: trace, debug, info, warn, error, fatal or panic, and what is above it"},
    OptionSpec{"--cache-hostname", "CACHE_HOSTNAME", "cache.hostname", Kind::text, Scope::serve, "",
               "The name of this cache, and of its signing key: a host name without scheme or path "
               "(required)"},
    OptionSpec{"--cache-storage-local", "CACHE_STORAGE_LOCAL", "cache.storage.local", Kind::text,
               Scope::serve, "",
               "The directory that keeps what is cached; created if missing (required)"},
    OptionSpec{"--cache-database-url", "CACHE_DATABASE_URL", "cache.database-url", Kind::text,
               Scope::serve, "",
               "The database: sqlite:/path/to/db.sqlite, created if missing "
               "(default: var/ncps/db/db.sqlite below the storage)"},
    OptionSpec{"--cache-temp-path", "CACHE_TEMP_PATH", "cache.temp-path", Kind::text, Scope::serve,
               "",
               "The directory for temporary files; created if missing. Local storage needs none: "
               "downloads "
               "grow in its store/tmp, so that keeping them costs no copy (default: the system's)"},
    OptionSpec{"--cache-upstream-url", "CACHE_UPSTREAM_URLS", "cache.upstream.urls", Kind::list,
               Scope::serve, "",
               "A cache to ask, such as https://cache.nixos.org; repeat it for more. ?priority=N "
               "at its end: "
               "lower is asked first (required)"},
    OptionSpec{"--cache-upstream-public-key", "CACHE_UPSTREAM_PUBLIC_KEYS",
               "cache.upstream.public-keys", Kind::list, Scope::serve, "",
               "A key, name:base64, whose signatures are trusted, from whichever upstream they "
               "come; repeat it "
               "for more. Without any, nothing is verified and nothing is signed"},
    OptionSpec{"--cache-sign-narinfo", "CACHE_SIGN_NARINFO", "cache.sign-narinfo", Kind::flag,
               Scope::serve, "true", "Add our signature to narinfos"},
    OptionSpec{"--cache-sign-unverified", "CACHE_SIGN_UNVERIFIED", "cache.sign-unverified",
               Kind::flag, Scope::serve, "false",
               "Sign also what no trusted key has signed, when no upstream key is configured. "
               "Clients will "
               "then trust whatever the upstreams send"},
    OptionSpec{"--cache-secret-key-path", "CACHE_SECRET_KEY_PATH", "cache.secret-key-path",
               Kind::text, Scope::serve, "",
               "The file with our signing key, name:base64 (default: generated once, kept in the "
               "storage as "
               "config/cache.key)"},
    OptionSpec{"--server-addr", "SERVER_ADDR", "server.addr", Kind::text, Scope::serve, ":8501",
               "Where to listen: host:port, [ipv6]:port, :port for every address, or unix:/path"},
};

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

}  // namespace ncps::config
