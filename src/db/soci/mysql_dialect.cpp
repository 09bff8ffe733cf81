// Source: MariaDB Connector/C, mysql_real_connect (a host with a ';' in it is a whole connection
// string), and the servers' error codes (mysqld_error.h).
#include <soci/mysql/soci-mysql.h>

#include <algorithm>
#include <array>

#include "db/soci/dialect.h"

namespace ncps::db {
namespace {

constexpr auto kPassing = std::to_array<unsigned>({1213, 1205, 1020});  // deadlock, lock, snapshot
// Shutting down, killed, client errors of a lost connection, and read-only: it was made a replica.
constexpr auto kLost = std::to_array<unsigned>(
    {1053, 1317, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 4031, 1290, 1836, 1792});
// Table, column, key is there; key is gone.
constexpr auto kWasDone = std::to_array<unsigned>({1050, 1060, 1061, 1091});

unsigned code_of(const std::exception& e) {
  const auto* error = dynamic_cast<const soci::mysql_soci_error*>(&e);
  return error != nullptr ? error->err_num_ : 0;
}

bool one_of(auto& codes, unsigned code) {
  return std::ranges::find(codes, code) != codes.end();
}

MYSQL* connection(soci::session& sql) {
  return static_cast<soci::mysql_session_backend*>(sql.get_backend())->conn_;
}

// Four statements in one round trip. SOCI takes the answer of the first, we those of the others. ON
// DUPLICATE KEY compares and assigns from left to right: nothing that is compared is assigned.
class MysqlPut final : public Put {
 public:
  explicit MysqlPut(soci::session& sql)
      : connection_(connection(sql)),
        all_((sql.prepare
                  << "START TRANSACTION; "
                     "INSERT INTO nar_urls (url, nar_hash, nar_size, compression, file_hash, "
                     "file_size, upstream, upstream_url) "
                     "VALUES (:url, :nh, :ns, :c, :fh, :fs, :up, :uu) ON DUPLICATE KEY UPDATE "
                  << if_free("file_hash", "VALUES(file_hash)") << ", "
                  << if_free("file_size", "VALUES(file_size)") << ", "
                  << if_free("upstream", "IF(VALUES(upstream) = '', upstream, VALUES(upstream))")
                  << ", " << if_free("upstream_url", "VALUES(upstream_url)")
                  << "; INSERT INTO narinfos (hash, content, upstream, uploaded, nar_url_id) "
                     "SELECT :hash, :text, :up2, :uploaded, u.id FROM nar_urls u "
                     "WHERE u.url = :url2 AND u.nar_hash = :nh2 AND u.compression = :c2 "
                     "ON DUPLICATE KEY UPDATE content = VALUES(content), "
                     "upstream = IF(VALUES(upstream) = '', narinfos.upstream, VALUES(upstream)), "
                     "uploaded = VALUES(uploaded), "
                     "nar_url_id = VALUES(nar_url_id), updated_at = CURRENT_TIMESTAMP; COMMIT",
              soci::use(v_.url), soci::use(v_.nar_hash), soci::use(v_.nar_size),
              soci::use(v_.compression), soci::use(v_.file_hash.value, v_.file_hash.state),
              soci::use(v_.file_size.value, v_.file_size.state), soci::use(v_.nar_upstream),
              soci::use(v_.upstream_url), soci::use(v_.hash),
              soci::use(v_.text.value, v_.text.state), soci::use(v_.upstream),
              soci::use(v_.uploaded), soci::use(v_.url), soci::use(v_.nar_hash),
              soci::use(v_.compression))) {}

  bool run(const NarInfoRow& narinfo, const NarRow& nar) override {
    v_.set(narinfo, nar);
    all_.execute(true);
    std::array<long long, 3> rows{};  // of each INSERT, and of COMMIT
    for (auto& affected : rows) {
      if (::mysql_next_result(connection_) != 0) {
        std::string why = ::mysql_error(connection_);
        auto number = static_cast<int>(::mysql_errno(connection_));
        ::mysql_query(connection_, "ROLLBACK");
        throw soci::mysql_soci_error(why, number);
      }
      affected = static_cast<long long>(::mysql_affected_rows(connection_));
    }
    return rows[1] != 0;
  }

 private:
  static std::string if_free(std::string_view column, std::string_view value) {
    std::string name(column);
    return name + " = IF(stored_size IS NULL AND nar_hash = VALUES(nar_hash) AND compression = " +
           "VALUES(compression), " + std::string(value) + ", nar_urls." + name + ")";
  }

  MYSQL* connection_;
  PutValues v_;
  soci::statement all_;
};

class MysqlDialect final : public Dialect {
 public:
  MysqlDialect(const DatabaseUrl& url, const PoolLimits& limits)
      : Dialect(url, limits), tls_(tls_of(url)), connection_(connection_string()) {}

  std::string_view name() const override { return "mysql"; }

  std::unique_ptr<soci::session> connect() const override {
    auto sql = std::make_unique<soci::session>(soci::mysql, connection_);
    // Connector/C takes a connection without TLS for want of a better one.
    bool must = tls_ == "true" || tls_ == "skip-verify";
    if (must && ::mysql_get_ssl_cipher(connection(*sql)) == nullptr)
      throw soci::soci_error("the server offers no TLS");
    *sql << "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
            "innodb_lock_wait_timeout = "
         << seconds(limits_.answering / 2);
    *sql << "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    return sql;
  }

  int socket(soci::session& sql) const override { return ::mysql_get_socket(connection(sql)); }

  Trouble trouble(const std::exception& e) const override {
    if (one_of(kLost, code_of(e))) return Trouble::lost;
    return one_of(kPassing, code_of(e)) ? Trouble::passing : Trouble::lasting;
  }

  std::unique_ptr<Put> prepare_put(soci::session& sql) const override {
    return std::make_unique<MysqlPut>(sql);
  }

  std::string_view at_rest() const override { return "at_rest = 1"; }

  bool has_table(soci::session& sql, const std::string& name) const override {
    int found = 0;
    sql << "SELECT count(*) FROM information_schema.tables "
           "WHERE table_schema = DATABASE() AND table_name = :name",
        soci::into(found), soci::use(name);
    return found != 0;
  }

  // A named lock, because every DDL statement commits.
  Result<void> alone(soci::session& sql, const std::function<Result<void>()>& job) const override {
    int got = 0;
    soci::indicator state{};
    sql << "SELECT GET_LOCK(CONCAT('ncps ', MD5(DATABASE())), " << kSchemaWait.count() << ")",
        soci::into(got, state);
    if (state != soci::i_ok || got != 1)
      return fail(ErrorKind::unavailable, "another process has been migrating for a minute");
    auto done = job();
    sql << "DO RELEASE_LOCK(CONCAT('ncps ', MD5(DATABASE())))";
    return done;
  }

  bool undoes_ddl() const override { return false; }
  bool was_done(const std::exception& e) const override { return one_of(kWasDone, code_of(e)); }

 private:
  static long seconds(std::chrono::milliseconds time) {
    return std::max<long>(1, time.count() / 1000);
  }

  // Connector/C's connection string: where, and what SOCI has no setting for.
  std::string place() const {
    std::string out;
    auto add = [&](std::string_view name, std::string_view value) {
      out.append(name).append("={").append(value).append("};");
    };
    if (url_.socket.empty()) {
      add("host", url_.host.empty() ? "127.0.0.1" : url_.host);
      add("port", std::to_string(url_.port != 0 ? url_.port : 3306));
      add("protocol", "1");  // MYSQL_PROTOCOL_TCP: or localhost would be the usual socket
    } else {
      add("socket", url_.socket.native());
    }
    add("multi-statements", "1");
    if (tls_ == "false") return out;
    add("ssl-enforce", "1");
    auto options = url_.options;
    if (tls_ == "true") {
      add("ssl-verify-server-cert", "1");
      options.emplace("ssl-ca", "/etc/ssl/certs/ca-certificates.crt");  // if there is none
    }
    for (const auto& [name, value] : options)
      if (name.starts_with("ssl-")) add(name, value);
    return out;
  }

  std::string connection_string() const {
    std::string out;
    auto add = [&](std::string_view name, std::string_view value) {
      out.append(name).append("='");
      for (char c : value) out.append(c == '\'' || c == '\\' ? "\\" : "").push_back(c);
      out.append("' ");
    };
    add("host", place());
    if (!url_.user.empty()) add("user", url_.user);
    if (!url_.password.empty()) add("password", url_.password);
    add("db", url_.database);
    add("charset", "utf8mb4");
    add("connect_timeout", std::to_string(seconds(limits_.connecting)));
    add("read_timeout", std::to_string(seconds(limits_.answering) + 1));
    add("write_timeout", std::to_string(seconds(limits_.answering) + 1));
    return out;
  }

  static std::string tls_of(const DatabaseUrl& url) {
    auto it = url.options.find("tls");
    return it == url.options.end() ? "false" : it->second;
  }

  const std::string tls_, connection_;
};

}  // namespace

std::unique_ptr<Dialect> make_mysql_dialect(const DatabaseUrl& url, const PoolLimits& limits) {
  return std::make_unique<MysqlDialect>(url, limits);
}

}  // namespace ncps::db
