#include "db/soci/sqlite_session.h"

#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>

#include "db/migrations.h"
#include "telemetry/log.h"

namespace ncps::db {
namespace {

Error database_error(std::string_view action, const std::exception& e) {
  return Error(ErrorKind::unavailable, e.what()).while_doing(action);
}

std::vector<std::string> applied_versions(soci::session& sql) {
  sql << "CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY)";
  std::vector<std::string> versions;
  soci::rowset<std::string> rows =
      (sql.prepare << "SELECT version FROM schema_migrations ORDER BY version");
  for (const auto& version : rows) versions.push_back(version);
  return versions;
}

Result<void> apply_pending(soci::session& sql) {
  TRY(auto todo, pending("sqlite", all_migrations(), applied_versions(sql)));
  for (const auto& migration : todo) {
    for (const auto& statement : statements(migration.up)) sql << statement;
    std::string version(migration.version);
    sql << "INSERT INTO schema_migrations (version) VALUES (:v)", soci::use(version);
    log::info("database schema brought up to date", {{"migration", migration.name}});
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<soci::session>> open_session(const std::filesystem::path& path) {
  try {
    auto sql = std::make_unique<soci::session>(
        soci::sqlite3, "db=\"" + path.native() + "\" timeout=10 shared_cache=false");
    std::string mode;
    *sql << "PRAGMA busy_timeout = 10000";
    *sql << "PRAGMA journal_mode = WAL", soci::into(mode);
    *sql << "PRAGMA synchronous = NORMAL";  // survives kill -9; a power cut may cost the last rows
    *sql << "PRAGMA foreign_keys = ON";
    return sql;
  } catch (const std::exception& e) {
    return std::unexpected(database_error("opening the database " + path.native(), e));
  }
}

Result<void> migrate(soci::session& sql) {
  try {
    sql << "BEGIN EXCLUSIVE";
    auto done = apply_pending(sql);
    sql << (done ? "COMMIT" : "ROLLBACK");
    return done;
  } catch (const std::exception& e) {
    return std::unexpected(database_error("bringing the database schema up to date", e));
  }
}

}  // namespace ncps::db
