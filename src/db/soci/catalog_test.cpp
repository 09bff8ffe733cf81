#include <gtest/gtest.h>

#include <fstream>

#include "base/testing/temp_dir.h"
#include "db/soci/sqlite_catalog.h"
#include "db/soci/testing/database_server.h"
#include "db/testing/catalog_hard_cases.h"
#include "db/testing/catalog_uses.h"
#include "db/testing/eviction_more.h"
#include "db/testing/upload_rows_contract.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::TempDir;

struct TemporaryCatalog {
  TempDir folder;
  std::unique_ptr<Catalog> catalog = open_sqlite(folder.path() / "deep" / "db.sqlite").value();
};

std::shared_ptr<Catalog> make_sqlite_catalog() {
  auto all = std::make_shared<TemporaryCatalog>();
  return {all, all->catalog.get()};
}

std::shared_ptr<Catalog> make_server_catalog(DatabaseServer& server) {
  auto url = parse_database_url(server.fresh_database()).value();
  auto catalog = open_catalog(url, {});
  if (!catalog) throw std::runtime_error(catalog.error().what());
  return std::move(*catalog);
}

std::shared_ptr<Catalog> make_postgres_catalog() {
  return make_server_catalog(DatabaseServer::postgres());
}

std::shared_ptr<Catalog> make_mysql_catalog() {
  return make_server_catalog(DatabaseServer::mariadb());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, ::testing::Values(make_sqlite_catalog));
INSTANTIATE_TEST_SUITE_P(Postgres, CatalogContract, ::testing::Values(make_postgres_catalog));
INSTANTIATE_TEST_SUITE_P(Mysql, CatalogContract, ::testing::Values(make_mysql_catalog));

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogUses, ::testing::Values(make_sqlite_catalog));
INSTANTIATE_TEST_SUITE_P(Postgres, CatalogUses, ::testing::Values(make_postgres_catalog));
INSTANTIATE_TEST_SUITE_P(Mysql, CatalogUses, ::testing::Values(make_mysql_catalog));

INSTANTIATE_TEST_SUITE_P(Sqlite, UploadRowsContract, ::testing::Values(make_sqlite_catalog));
INSTANTIATE_TEST_SUITE_P(Postgres, UploadRowsContract, ::testing::Values(make_postgres_catalog));
INSTANTIATE_TEST_SUITE_P(Mysql, UploadRowsContract, ::testing::Values(make_mysql_catalog));

struct TemporaryDatabase {
  TempDir folder;
  Database database =
      open_database({.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / "db.sqlite"}, {})
          .value();
};

std::shared_ptr<Database> make_sqlite_database() {
  auto all = std::make_shared<TemporaryDatabase>();
  return {all, &all->database};
}

std::shared_ptr<Database> make_server_database(DatabaseServer& server) {
  auto url = parse_database_url(server.fresh_database()).value();
  return std::make_shared<Database>(open_database(url, {}).value());
}

std::shared_ptr<Database> make_postgres_database() {
  return make_server_database(DatabaseServer::postgres());
}

std::shared_ptr<Database> make_mysql_database() {
  return make_server_database(DatabaseServer::mariadb());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, EvictionContract, ::testing::Values(make_sqlite_database));
INSTANTIATE_TEST_SUITE_P(Postgres, EvictionContract, ::testing::Values(make_postgres_database));
INSTANTIATE_TEST_SUITE_P(Mysql, EvictionContract, ::testing::Values(make_mysql_database));

TEST(SqliteCatalog, AFileThatIsNoDatabaseIsSaid) {
  TempDir folder;
  auto path = folder.path() / "db.sqlite";
  std::ofstream(path) << std::string(4096, 'x');
  auto opened = open_sqlite(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::db
