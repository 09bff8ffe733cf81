#include "db/soci/migrate.h"

#include <algorithm>

#include "db/migrations.h"
#include "db/soci/dialect.h"

namespace ncps::db {
namespace {

namespace fs = std::filesystem;

Result<void> make_folder(const fs::path& file) {
  std::error_code ec;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), ec);
  if (!ec) return {};
  return fail(ErrorKind::unavailable, "creating the database's folder " +
                                          file.parent_path().native() + ": " + ec.message());
}

std::vector<std::string> versions_in(soci::session& sql, std::string_view table) {
  std::vector<std::string> versions;
  soci::rowset<std::string> rows = (sql.prepare << "SELECT version FROM " << table);
  for (const auto& version : rows) versions.push_back(version);
  return versions;
}

// Errors: conflict, if the table is not dbmate's: later versions of the Go program have another of
// this name.
Result<std::vector<std::string>> applied_versions(const Dialect& dialect, soci::session& sql) {
  if (!dialect.has_table(sql, "schema_migrations")) return std::vector<std::string>();
  try {
    return versions_in(sql, "schema_migrations");
  } catch (const std::exception& e) {
    if (dialect.trouble(e) != Trouble::lasting) throw;
    return fail(ErrorKind::conflict,
                "the database's table schema_migrations is none that this program knows (" +
                    dialect.error(e).what() + "): a newer one made it. " + std::string(kTakeOver));
  }
}

class Migrator {
 public:
  Migrator(const Dialect& dialect, soci::session& sql, const BeforeStatement& before)
      : dialect_(dialect), sql_(sql), before_(before) {}

  Result<void> run() {
    TRY(auto done, applied_versions(dialect_, sql_));
    TRY(auto todo, pending(dialect_.name(), all_migrations(), done));
    sql_ << "CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY)";
    if (!todo.empty() && !dialect_.undoes_ddl()) {
      sql_ << "CREATE TABLE IF NOT EXISTS schema_migrations_begun "
              "(version varchar(128) PRIMARY KEY)";
      begun_ = versions_in(sql_, "schema_migrations_begun");
    }
    for (const auto& migration : todo) apply(migration);
    return {};
  }

  std::vector<std::string> applied;  // by us

 private:
  void apply(const Migration& migration) {
    std::string version(migration.version);
    bool begun = std::ranges::find(begun_, version) != begun_.end();
    bool note = !begun && !dialect_.undoes_ddl();
    if (note) sql_ << "INSERT INTO schema_migrations_begun VALUES (:v)", soci::use(version);
    for (const auto& statement : statements(migration.up)) {
      before_(statement);
      try {
        sql_ << statement;
      } catch (const std::exception& e) {
        if (!begun || !dialect_.was_done(e)) throw;
      }
    }
    before_("schema_migrations");
    sql_ << "INSERT INTO schema_migrations (version) VALUES (:v)", soci::use(version);
    if (!dialect_.undoes_ddl())
      sql_ << "DELETE FROM schema_migrations_begun WHERE version = :v", soci::use(version);
    applied.emplace_back(migration.name);
  }

  const Dialect& dialect_;
  soci::session& sql_;
  const BeforeStatement& before_;
  std::vector<std::string> begun_;
};

// A statement of a migration may take long on a large database.
constexpr PoolLimits kPatient{.answering = std::chrono::minutes(30)};

}  // namespace

Result<std::vector<std::string>> migrate(const DatabaseUrl& url, const BeforeStatement& before) {
  TRY(make_folder(url.sqlite_path));
  auto dialect = make_dialect(url, kPatient);
  try {
    auto sql = dialect->connect();
    Migrator migrator(*dialect, *sql, before);
    TRY(dialect->alone(*sql, [&] { return migrator.run(); }));
    return std::move(migrator.applied);
  } catch (const std::exception& e) {
    return std::unexpected(
        dialect->error(e).while_doing("bringing the database schema up to date"));
  }
}

Result<std::vector<std::string>> migrate(const DatabaseUrl& url) {
  return migrate(url, [](std::string_view) {});
}

Result<std::vector<MigrationState>> migration_states(const DatabaseUrl& url) {
  auto dialect = make_dialect(url, {});
  std::vector<std::string> applied;
  std::error_code ec;
  bool missing = url.kind == DatabaseKind::sqlite && !fs::exists(url.sqlite_path, ec);
  try {
    if (!missing) {
      TRY(applied, applied_versions(*dialect, *dialect->connect()));
    }
  } catch (const std::exception& e) {
    return std::unexpected(dialect->error(e).while_doing("asking the database for its schema"));
  }
  TRY(auto todo, pending(dialect->name(), all_migrations(), applied));
  std::vector<MigrationState> states;
  for (const auto& migration : all_migrations()) {
    if (migration.dialect != dialect->name()) continue;
    auto same = [&](const Migration& m) { return m.version == migration.version; };
    states.push_back({std::string(migration.name), std::ranges::none_of(todo, same)});
  }
  return states;
}

}  // namespace ncps::db
