// Dialect: what differs between SQLite, PostgreSQL and MySQL (MariaDB). Only for this folder.
//
// Immutable, so thread-safe. What throws, throws what SOCI throws: `trouble` and `error` understand
// it.
#pragma once

#include <soci/soci.h>

#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "db/database_url.h"
#include "db/pool_limits.h"
#include "db/soci/put.h"

namespace ncps::db {

// What to do about a statement that failed.
enum class Trouble : std::uint8_t {
  passing,  // busy, deadlock, serialization: nothing happened, the same again may succeed at once
  lost,     // the connection is of no use any more
  lasting,
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  // The folder of its migrations: "sqlite", "postgres", "mysql".
  virtual std::string_view name() const = 0;

  // Connected, with UTF-8, UTC and its limits set. Takes no longer than PoolLimits::connecting, and
  // what the resolver of names takes. Throws.
  virtual std::unique_ptr<soci::session> connect() const = 0;

  // Its descriptor, which another thread may shut down to end a wait for the server; -1: it has
  // none.
  virtual int socket(soci::session& sql) const = 0;

  virtual Trouble trouble(const std::exception& e) const = 0;
  virtual std::unique_ptr<Put> prepare_put(soci::session& sql) const = 0;

  // The condition on a row of nar_urls that the index of NARs at rest is made for.
  virtual std::string_view at_rest() const { return "stored_size IS NOT NULL"; }

  virtual bool has_table(soci::session& sql, const std::string& name) const = 0;

  // Migrations. Runs `job` while no other process runs one on this database, and what it does
  // wholly or not at all, if DDL can be undone. Throws, also when the other one takes more than a
  // minute.
  virtual Result<void> alone(soci::session& sql,
                             const std::function<Result<void>()>& job) const = 0;
  virtual bool undoes_ddl() const = 0;
  // The statement failed because what it makes is there, or what it drops is gone.
  virtual bool was_done(const std::exception& e) const = 0;

  // unavailable, in one line and without the password.
  Error error(const std::exception& e) const;

  // It failed because our own disk is full. Another server's disk is not ours to make room on.
  virtual bool no_space(const std::exception&) const { return false; }

 protected:
  explicit Dialect(DatabaseUrl url, PoolLimits limits) : url_(std::move(url)), limits_(limits) {}

  const DatabaseUrl url_;
  const PoolLimits limits_;
};

std::unique_ptr<Dialect> make_dialect(const DatabaseUrl& url, const PoolLimits& limits);
std::unique_ptr<Dialect> make_sqlite_dialect(const DatabaseUrl& url, const PoolLimits& limits);
std::unique_ptr<Dialect> make_postgres_dialect(const DatabaseUrl& url, const PoolLimits& limits);
std::unique_ptr<Dialect> make_mysql_dialect(const DatabaseUrl& url, const PoolLimits& limits);

// How long a migration waits for another process that runs one.
inline constexpr std::chrono::seconds kSchemaWait{60};

}  // namespace ncps::db
