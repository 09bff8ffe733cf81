#include "db/soci/testing/go_tables.h"

#include <filesystem>

#include "db/soci/dialect.h"
#include "db/soci/query.h"

namespace ncps::testing {
namespace {

// The words that differ: of the number of a row, of a text that is unique, of a time.
struct Words {
  std::string id, name, time;
};

Words words_of(db::DatabaseKind kind) {
  switch (kind) {
    case db::DatabaseKind::sqlite: return {"INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT", "datetime"};
    case db::DatabaseKind::postgresql: return {"bigserial PRIMARY KEY", "TEXT", "timestamptz"};
    case db::DatabaseKind::mysql:
      return {"bigint PRIMARY KEY AUTO_INCREMENT", "varchar(255)", "timestamp"};
  }
  return {};
}

std::unique_ptr<soci::session> connect(const db::DatabaseUrl& url) {
  if (url.kind == db::DatabaseKind::sqlite)
    std::filesystem::create_directories(url.sqlite_path.parent_path());
  return db::make_dialect(url, {})->connect();
}

}  // namespace

void make_early_go_tables(const db::DatabaseUrl& url) {
  auto sql = connect(url);
  auto w = words_of(url.kind);
  if (url.kind == db::DatabaseKind::postgresql) w.time = "timestamp";
  auto times = "created_at " + w.time + " NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at " +
               w.time + " NULL, last_accessed_at " + w.time + " NULL DEFAULT CURRENT_TIMESTAMP";
  *sql << "CREATE TABLE narinfos (id " << w.id << ", hash " << w.name << " NOT NULL UNIQUE, "
       << times << ")";
  *sql << "CREATE INDEX idx_narinfos_last_accessed_at ON narinfos (last_accessed_at)";
  *sql << "CREATE TABLE nars (id " << w.id << ", narinfo_id bigint NOT NULL, hash " << w.name
       << " NOT NULL UNIQUE, compression " << w.name
       << " NOT NULL DEFAULT '', file_size bigint NOT NULL, query " << w.name
       << " NOT NULL DEFAULT '', " << times
       << ", FOREIGN KEY (narinfo_id) REFERENCES narinfos (id) ON DELETE CASCADE)";
  *sql << "CREATE INDEX idx_nars_narinfo_id ON nars (narinfo_id)";
  *sql << "CREATE INDEX idx_nars_last_accessed_at ON nars (last_accessed_at)";
  *sql << "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)";
  for (std::string version : {"20241210054814", "20241210054829", "20241213014846"})
    *sql << "INSERT INTO schema_migrations VALUES (:v)", soci::use(version);
  std::string last = url.kind == db::DatabaseKind::mysql ? "20251230224200" : "20251230224159";
  *sql << "INSERT INTO schema_migrations VALUES (:v)", soci::use(last);
}

void make_late_go_tables(const db::DatabaseUrl& url) {
  auto sql = connect(url);
  auto w = words_of(url.kind);
  auto times = "created_at " + w.time + " NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at " +
               w.time + " NULL";
  auto key = url.kind == db::DatabaseKind::mysql ? "`key`" : "\"key\"";
  auto system = url.kind == db::DatabaseKind::mysql ? "`system`" : "\"system\"";
  *sql << "CREATE TABLE schema_migrations (id " << w.id
       << ", version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp " << w.time
       << " DEFAULT CURRENT_TIMESTAMP)";
  *sql << "INSERT INTO schema_migrations (version_id, is_applied) VALUES (20260701000000, TRUE)";
  *sql << "CREATE TABLE narinfos (id " << w.id << ", hash " << w.name
       << " NOT NULL UNIQUE, store_path TEXT, url TEXT, upstream_url TEXT, compression TEXT, "
          "file_hash TEXT, file_size bigint, nar_hash TEXT, nar_size bigint, deriver TEXT, "
       << system << " TEXT, ca TEXT, " << times << ", last_accessed_at " << w.time << " NULL)";
  *sql << "CREATE TABLE narinfo_references (narinfo_id bigint NOT NULL, reference " << w.name
       << " NOT NULL, UNIQUE (narinfo_id, reference))";
  *sql << "CREATE TABLE narinfo_signatures (narinfo_id bigint NOT NULL, signature " << w.name
       << " NOT NULL, UNIQUE (narinfo_id, signature))";
  *sql << "CREATE TABLE nar_files (id " << w.id << ", hash " << w.name << " NOT NULL, compression "
       << "varchar(32) NOT NULL DEFAULT '', query varchar(64) NOT NULL DEFAULT '', file_size "
          "bigint NOT NULL, total_chunks bigint NOT NULL DEFAULT 0, "
       << times << ", last_accessed_at " << w.time << " NULL, UNIQUE (hash, compression, query))";
  *sql << "CREATE TABLE narinfo_nar_files (narinfo_id bigint NOT NULL, nar_file_id bigint NOT "
          "NULL, UNIQUE (narinfo_id, nar_file_id))";
  *sql << "CREATE TABLE config (id " << w.id << ", " << key << " " << w.name
       << " NOT NULL UNIQUE, value TEXT NOT NULL, " << times << ")";
}

void execute(const db::DatabaseUrl& url, const std::string& sql) {
  *connect(url) << sql;
}

std::string ask(const db::DatabaseUrl& url, const std::string& sql) {
  auto session = connect(url);
  auto row = db::Query(*session, sql, 1).row();
  return row ? row->at(0).value_or("NULL") : "none";
}

}  // namespace ncps::testing
