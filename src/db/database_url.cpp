#include "db/database_url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace ncps::db {
namespace {

constexpr auto kPassedOn = std::to_array<std::string_view>(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslsni",
     "ssl_min_protocol_version", "channel_binding", "gssencmode", "krbsrvname", "application_name",
     "target_session_attrs", "search_path"});
constexpr auto kPostgresIgnored = std::to_array<std::string_view>(
    {"connect_timeout", "timezone", "default_query_exec_mode", "statement_cache_capacity",
     "description_cache_capacity", "pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime",
     "pool_max_conn_idle_time", "pool_health_check_period", "pool_max_conn_lifetime_jitter"});
constexpr auto kSslModes = std::to_array<std::string_view>(
    {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});

constexpr auto kMysqlOptions =
    std::to_array<std::string_view>({"tls", "ssl-ca", "ssl-cert", "ssl-key"});
constexpr auto kMysqlIgnored = std::to_array<std::string_view>({"parseTime",
                                                                "loc",
                                                                "time_zone",
                                                                "charset",
                                                                "collation",
                                                                "timeout",
                                                                "readTimeout",
                                                                "writeTimeout",
                                                                "multiStatements",
                                                                "interpolateParams",
                                                                "allowNativePasswords",
                                                                "allowCleartextPasswords",
                                                                "allowOldPasswords",
                                                                "allowFallbackToPlaintext",
                                                                "checkConnLiveness",
                                                                "clientFoundRows",
                                                                "columnsWithAlias",
                                                                "maxAllowedPacket",
                                                                "rejectReadOnly",
                                                                "connectionAttributes"});
constexpr auto kTlsModes =
    std::to_array<std::string_view>({"true", "false", "skip-verify", "preferred"});

bool one_of(std::span<const std::string_view> all, std::string_view word) {
  return std::ranges::find(all, word) != all.end();
}

std::string list(std::span<const std::string_view> all) {
  std::string out;
  for (auto word : all) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

std::unexpected<Error> wrong(std::string what) {
  return fail(ErrorKind::invalid, std::move(what));
}

Result<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      const char* begin = text.data() + std::min(i + 1, text.size());
      const char* end = text.data() + std::min(i + 3, text.size());
      auto [stop, ec] = std::from_chars(begin, end, byte, 16);
      if (ec != std::errc() || stop != begin + 2)
        return wrong("has a % without two hexadecimal digits; write %25 for a %");
      i += 2;
    }
    if (byte < ' ' || byte == 0x7f) return wrong("has a control character");
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc() || stop != text.data() + text.size() || port == 0)
    return wrong(
        "has a port that is no number from 1 to 65535 (in a password write %2F for /, %3A for :, "
        "%40 for @)");
  return port;
}

// [user[:password]@][host[:port]]
Result<void> read_authority(std::string_view authority, DatabaseUrl& out) {
  if (auto at = authority.rfind('@'); at != authority.npos) {
    auto who = authority.substr(0, at);
    auto colon = who.find(':');
    TRY(out.user, decode(who.substr(0, colon)));
    if (colon != who.npos) {
      TRY(out.password, decode(who.substr(colon + 1)));
    }
    authority.remove_prefix(at + 1);
  }
  auto host = authority, port = std::string_view();
  if (authority.starts_with('[')) {
    auto end = authority.find(']');
    if (end == authority.npos) return wrong("has a [ without its ]");
    host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return wrong("has something between ] and :");
  } else if (auto colon = authority.find(':'); colon != authority.npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (port.size() > 1) {
    TRY(out.port, parse_port(port.substr(1)));
  }
  TRY(out.host, decode(host));
  return {};
}

Result<void> read_postgres_option(const std::string& name, std::string value, DatabaseUrl& out) {
  if (name == "host") {
    out.host = std::move(value);
  } else if (name == "port") {
    TRY(out.port, parse_port(value));
  } else if (name == "user") {
    out.user = std::move(value);
  } else if (name == "password") {
    out.password = std::move(value);
  } else if (name == "dbname") {
    out.database = std::move(value);
  } else if (name == "sslmode" && !one_of(kSslModes, value)) {
    return wrong("has an sslmode that is none of " + list(kSslModes));
  } else if (one_of(kPassedOn, name)) {
    out.options[name] = std::move(value);
  } else if (!one_of(kPostgresIgnored, name)) {
    return wrong("has an option that is none of host, port, user, password, dbname, " +
                 list(kPassedOn));
  }
  return {};
}

Result<void> read_mysql_option(const std::string& name, std::string value, DatabaseUrl& out) {
  if (name == "host" || name == "socket" || name == "unix_socket") {
    out.host = std::move(value);
  } else if (name == "tls" && !one_of(kTlsModes, value)) {
    return wrong("has a tls that is none of " + list(kTlsModes));
  } else if (one_of(kMysqlOptions, name)) {
    out.options[name] = std::move(value);
  } else if (!one_of(kMysqlIgnored, name)) {
    return wrong("has an option that is none of socket, unix_socket, host, " + list(kMysqlOptions));
  }
  return {};
}

Result<void> read_query(std::string_view query, DatabaseUrl& out) {
  while (!query.empty()) {
    auto pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    auto equals = pair.find('=');
    TRY(auto name, decode(pair.substr(0, equals)));
    TRY(auto value, decode(equals == pair.npos ? "" : pair.substr(equals + 1)));
    auto read = out.kind == DatabaseKind::mysql ? read_mysql_option : read_postgres_option;
    TRY(read(name, std::move(value), out));
  }
  return {};
}

// With +unix the path is that of the socket and, as its last part, the database.
Result<void> read_path(std::string_view path, bool unix_form, DatabaseUrl& out) {
  if (unix_form) {
    auto slash = path.rfind('/');
    if (slash == path.npos || slash == 0)
      return wrong("names no socket; write +unix:///path/of/socket/database");
    TRY(out.host, decode(path.substr(0, slash)));
    path.remove_prefix(slash);
  }
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.find_first_of("/@") != path.npos)
    return wrong("has a / or @ in the database's name (in a password write %2F for /, %40 for @)");
  TRY(out.database, decode(path));
  return {};
}

Result<DatabaseUrl> parse_server_url(DatabaseKind kind, std::string_view rest, bool unix_form) {
  DatabaseUrl out{.kind = kind};
  auto query = rest.find('?');
  auto options = query == rest.npos ? std::string_view() : rest.substr(query + 1);
  rest = rest.substr(0, query);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    auto authority = rest.substr(0, rest.find('/'));
    TRY(read_authority(authority, out));
    rest.remove_prefix(authority.size());
    if (unix_form && !out.host.empty()) return wrong("names a host and a socket");
  } else if (!unix_form) {
    return wrong("lacks the // after its scheme; write scheme://user:password@host/database");
  }
  TRY(read_path(rest, unix_form, out));
  TRY(read_query(options, out));
  if (out.database.empty()) return wrong("names no database; write it after the host: host/name");
  if (out.host.starts_with('/')) out.socket = std::exchange(out.host, "");
  return out;
}

Result<DatabaseUrl> parse_sqlite_url(std::string_view path) {
  if (path.starts_with("//")) path.remove_prefix(2);
  path = path.substr(0, path.find('?'));
  if (path.empty()) return wrong("names no file; write sqlite:/path/to/db.sqlite");
  return DatabaseUrl{.kind = DatabaseKind::sqlite, .sqlite_path = std::filesystem::path(path)};
}

}  // namespace

Result<DatabaseUrl> parse_database_url(std::string_view url) {
  auto colon = url.find(':');
  if (colon == url.npos) return wrong("has no scheme; write sqlite:/path/to/db.sqlite");
  std::string scheme(url.substr(0, colon));
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  auto rest = url.substr(colon + 1);
  bool unix_form = scheme.ends_with("+unix");
  scheme = scheme.substr(0, scheme.find('+'));
  if (scheme == "postgres" || scheme == "postgresql")
    return parse_server_url(DatabaseKind::postgresql, rest, unix_form);
  if (scheme == "mysql") return parse_server_url(DatabaseKind::mysql, rest, unix_form);
  if (scheme == "sqlite" || scheme == "sqlite3") return parse_sqlite_url(rest);
  return wrong("has a scheme that is none of sqlite, postgresql and mysql");
}

std::string where(const DatabaseUrl& url) {
  if (url.kind == DatabaseKind::sqlite) return url.sqlite_path.native();
  std::string out = url.kind == DatabaseKind::mysql ? "MySQL at " : "PostgreSQL at ";
  if (!url.socket.empty()) return out + url.socket.native();
  out += url.host.empty() ? "localhost" : url.host;
  if (url.port != 0) out += ":" + std::to_string(url.port);
  return out;
}

}  // namespace ncps::db
