#include <soci/sqlite3/soci-sqlite3.h>

#include <thread>

#include "db/soci/dialect.h"
#include "rt/deadline.h"

namespace ncps::db {
namespace {

constexpr int kBusy = 5,
              kLocked = 6,  // SQLITE_BUSY, SQLITE_LOCKED, _FULL: https://sqlite.org/rescode.html
    kFull = 13;

class SqlitePut final : public Put {
 public:
  explicit SqlitePut(soci::session& sql)
      : sql_(sql),
        nar_((sql.prepare << kUpsertNar, soci::use(v_.url), soci::use(v_.nar_hash),
              soci::use(v_.nar_size), soci::use(v_.compression),
              soci::use(v_.file_hash.value, v_.file_hash.state),
              soci::use(v_.file_size.value, v_.file_size.state), soci::use(v_.nar_upstream),
              soci::use(v_.upstream_url))),
        narinfo_(
            (sql.prepare << "INSERT INTO narinfos (hash, content, upstream, uploaded, nar_url_id) "
                            "SELECT :hash, :text, :up, :uploaded, id FROM nar_urls "
                            "WHERE url = :url AND nar_hash = :nh AND compression = :c "
                         << kUpdateNarInfo,
             soci::use(v_.hash), soci::use(v_.text.value, v_.text.state), soci::use(v_.upstream),
             soci::use(v_.uploaded), soci::use(v_.url), soci::use(v_.nar_hash),
             soci::use(v_.compression))) {}

  bool run(const NarInfoRow& narinfo, const NarRow& nar) override {
    v_.set(narinfo, nar);
    soci::transaction both(sql_);
    nar_.execute(true);
    narinfo_.execute(true);
    if (narinfo_.get_affected_rows() == 0) return false;
    both.commit();
    return true;
  }

 private:
  soci::session& sql_;
  PutValues v_;
  soci::statement nar_, narinfo_;
};

class SqliteDialect final : public Dialect {
 public:
  SqliteDialect(const DatabaseUrl& url, const PoolLimits& limits) : Dialect(url, limits) {}

  std::string_view name() const override { return "sqlite"; }

  std::unique_ptr<soci::session> connect() const override {
    auto path = url_.sqlite_path.native();
    if (path.contains('"')) throw soci::soci_error("a database's path cannot hold a \"");
    auto sql = std::make_unique<soci::session>(soci::sqlite3,
                                               "db=\"" + path + "\" timeout=10 shared_cache=false");
    *sql << "PRAGMA busy_timeout = 10000";
    use_write_ahead_log(*sql);
    *sql << "PRAGMA synchronous = NORMAL";  // survives kill -9; a power cut may cost the last rows
    *sql << "PRAGMA foreign_keys = ON";
    return sql;
  }

  int socket(soci::session&) const override { return -1; }

  Trouble trouble(const std::exception& e) const override {
    const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&e);
    auto code = error != nullptr ? error->result() & 0xFF : 0;
    return code == kBusy || code == kLocked ? Trouble::passing : Trouble::lasting;
  }

  bool no_space(const std::exception& e) const override {
    const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&e);
    return error != nullptr && (error->result() & 0xFF) == kFull;
  }

  std::unique_ptr<Put> prepare_put(soci::session& sql) const override {
    return std::make_unique<SqlitePut>(sql);
  }

  bool has_table(soci::session& sql, const std::string& name) const override {
    int found = 0;
    sql << "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = :name",
        soci::into(found), soci::use(name);
    return found != 0;
  }

  Result<void> alone(soci::session& sql, const std::function<Result<void>()>& job) const override {
    sql << "PRAGMA busy_timeout = " << std::chrono::milliseconds(kSchemaWait).count();
    sql << "BEGIN EXCLUSIVE";
    try {
      auto done = job();
      sql << (done ? "COMMIT" : "ROLLBACK");
      return done;
    } catch (...) {
      sql << "ROLLBACK";
      throw;
    }
  }

  bool undoes_ddl() const override { return true; }
  bool was_done(const std::exception&) const override { return false; }

 private:
  // So that readers never wait for the writer. While another process does the same to a new file
  // SQLite says busy at once, whatever busy_timeout is.
  void use_write_ahead_log(soci::session& sql) const {
    auto last = Deadline::after(std::chrono::seconds(10));
    while (true) {
      try {
        std::string mode;
        sql << "PRAGMA journal_mode = WAL", soci::into(mode);
        return;
      } catch (const std::exception& e) {
        if (trouble(e) != Trouble::passing || last.passed()) throw;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
};

}  // namespace

std::unique_ptr<Dialect> make_sqlite_dialect(const DatabaseUrl& url, const PoolLimits& limits) {
  return std::make_unique<SqliteDialect>(url, limits);
}

}  // namespace ncps::db
