#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "db/soci/dialect.h"

namespace ncps::db {
namespace {

// Names the lock that a migration holds: any number that nobody else takes in this database.
constexpr auto kSchemaLock = "5642813769041";
constexpr auto kSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

// Source: PostgreSQL, appendix A "Error Codes".
constexpr auto kPassing = std::to_array<std::string_view>({"40001", "40P01", "55P03"});
// Read-only: the server was made a standby. 26000, 0A000: what we prepared is gone, or of an older
// schema.
constexpr auto kLost = std::to_array<std::string_view>(
    {"57P01", "57P02", "57P03", "57P05", "25006", "26000", "0A000"});

// One statement: both rows or neither, in one round trip.
class PostgresPut final : public Put {
 public:
  explicit PostgresPut(soci::session& sql)
      : both_((
            sql.prepare << "WITH nar AS (" << kUpsertNar
                        << " RETURNING id) "
                           "INSERT INTO narinfos (hash, content, upstream, uploaded, nar_url_id) "
                           "SELECT :hash, :text, :up, CAST(:uploaded AS SMALLINT), id FROM nar "
                        << kUpdateNarInfo,
            soci::use(v_.url), soci::use(v_.nar_hash), soci::use(v_.nar_size),
            soci::use(v_.compression), soci::use(v_.file_hash.value, v_.file_hash.state),
            soci::use(v_.file_size.value, v_.file_size.state), soci::use(v_.nar_upstream),
            soci::use(v_.upstream_url), soci::use(v_.hash), soci::use(v_.text.value, v_.text.state),
            soci::use(v_.upstream), soci::use(v_.uploaded))) {}

  bool run(const NarInfoRow& narinfo, const NarRow& nar) override {
    v_.set(narinfo, nar);
    both_.execute(true);
    return both_.get_affected_rows() != 0;
  }

 private:
  PutValues v_;
  soci::statement both_;
};

std::string hex(unsigned char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'%', kDigits[c >> 4U], kDigits[c & 15U]};
}

// A part of libpq's connection URI. SOCI splits what it is given at blanks and quotes: here are
// none.
std::string setting(std::string_view name, std::string_view value) {
  std::string out(name);
  out += '=';
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    out += std::isalnum(byte) != 0 ? std::string(1, c) : hex(byte);
  }
  return out + '&';
}

// A server's setting on its command line, as libpq's `options` are read.
std::string server_setting(std::string_view name, std::string_view value) {
  std::string out = " -c " + std::string(name) + "=";
  for (char c : value) {
    if (c == ' ' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

class PostgresDialect final : public Dialect {
 public:
  PostgresDialect(const DatabaseUrl& url, const PoolLimits& limits)
      : Dialect(url, limits), connection_(connection_string()) {}

  std::string_view name() const override { return "postgres"; }

  std::unique_ptr<soci::session> connect() const override {
    auto sql = std::make_unique<soci::session>(soci::postgresql, connection_);
    // Or libpq writes them to stderr.
    ::PQsetNoticeProcessor(connection(*sql), [](void*, const char*) {}, nullptr);
    return sql;
  }

  int socket(soci::session& sql) const override { return ::PQsocket(connection(sql)); }

  Trouble trouble(const std::exception& e) const override {
    const auto* error = dynamic_cast<const soci::postgresql_soci_error*>(&e);
    auto state = error != nullptr ? error->sqlstate() : std::string();
    // Without a state it is libpq that speaks, not the server.
    if (state.find_first_not_of(std::string_view(" \0", 2)) == state.npos) return Trouble::lost;
    if (state.starts_with("08")) return Trouble::lost;
    if (std::ranges::find(kLost, state) != kLost.end()) return Trouble::lost;
    bool again = std::ranges::find(kPassing, state) != kPassing.end();
    return again ? Trouble::passing : Trouble::lasting;
  }

  std::unique_ptr<Put> prepare_put(soci::session& sql) const override {
    return std::make_unique<PostgresPut>(sql);
  }

  bool has_table(soci::session& sql, const std::string& name) const override {
    int found = 0;
    sql << "SELECT CASE WHEN to_regclass(:name) IS NULL THEN 0 ELSE 1 END", soci::into(found),
        soci::use(name);
    return found != 0;
  }

  Result<void> alone(soci::session& sql, const std::function<Result<void>()>& job) const override {
    sql << "SET statement_timeout = 0";
    sql << "SET lock_timeout = " << std::chrono::milliseconds(kSchemaWait).count();
    soci::transaction all(sql);
    sql << "SELECT pg_advisory_xact_lock(" << kSchemaLock << ")";
    auto done = job();
    if (done) all.commit();
    return done;
  }

  bool undoes_ddl() const override { return true; }
  bool was_done(const std::exception&) const override { return false; }

 private:
  static PGconn* connection(soci::session& sql) {
    return static_cast<soci::postgresql_session_backend*>(sql.get_backend())->conn_;
  }

  std::string connection_string() const {
    auto seconds = (limits_.connecting.count() + 999) / 1000;
    auto half = std::to_string(limits_.answering.count() / 2);
    auto options = server_setting("TimeZone", "UTC") +
                   server_setting("statement_timeout", std::to_string(limits_.answering.count())) +
                   server_setting("lock_timeout", half);
    std::string out = "postgresql:///?";
    auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) out += setting(name, value);
    };
    add("host", url_.socket.empty() ? url_.host : url_.socket.native());
    if (url_.port != 0) add("port", std::to_string(url_.port));
    add("user", url_.user);
    add("password", url_.password);
    add("dbname", url_.database);
    for (const auto& [name, value] : url_.options) {
      if (name == "search_path")
        options += server_setting(name, value);
      else
        add(name, value);
    }
    auto mode = url_.options.find("sslmode");
    bool verify = mode != url_.options.end() && mode->second.starts_with("verify");
    if (verify && !url_.options.contains("sslrootcert")) add("sslrootcert", kSystemRoots);
    if (!url_.options.contains("application_name")) add("application_name", "ncps");
    add("client_encoding", "UTF8");
    add("connect_timeout", std::to_string(std::max<long>(2, seconds)));  // libpq's least is 2
    add("keepalives_idle", "10");
    add("keepalives_interval", "5");
    add("keepalives_count", "3");
    add("tcp_user_timeout", std::to_string(limits_.answering.count()));
    add("options", options);
    out.pop_back();
    return out;
  }

  const std::string connection_;
};

}  // namespace

std::unique_ptr<Dialect> make_postgres_dialect(const DatabaseUrl& url, const PoolLimits& limits) {
  return std::make_unique<PostgresDialect>(url, limits);
}

}  // namespace ncps::db
