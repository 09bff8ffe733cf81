#include "db/soci/sqlite_catalog.h"

#include <gtest/gtest.h>
#include <soci/soci.h>

#include <fstream>
#include <thread>

#include "base/testing/temp_dir.h"
#include "db/soci/sqlite_session.h"
#include "db/testing/catalog_contract.h"

namespace ncps::db {
namespace {

using ncps::testing::TempDir;

struct TemporaryCatalog {
  TempDir folder;
  std::unique_ptr<Catalog> catalog = open_sqlite(folder.path() / "deep" / "db.sqlite").value();
};

std::shared_ptr<Catalog> make_temporary_catalog() {
  auto all = std::make_shared<TemporaryCatalog>();
  return {all, all->catalog.get()};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContract, ::testing::Values(make_temporary_catalog));

TEST(SqliteCatalog, RowsOfTheGoProgramStayAndAreNoNarInfosYet) {
  TempDir folder;
  auto path = folder.path() / "db.sqlite";
  {
    auto sql = open_session(path).value();
    *sql << "CREATE TABLE schema_migrations (version varchar(128) primary key)";
    *sql << "CREATE TABLE narinfos (id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL "
            "UNIQUE, "
            "created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP, "
            "last_accessed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)";
    *sql << "INSERT INTO narinfos (hash) VALUES ('00000000000000000000000000000000')";
    *sql << "INSERT INTO schema_migrations VALUES ('20241210054814')";
  }
  boost::asio::io_context io{1};
  auto catalog = open_sqlite(path).value();
  auto hash = nix::StorePathHash::parse(std::string(32, '0')).value();
  EXPECT_FALSE(testing::run_sync(io, catalog->find_narinfo(hash)).value().has_value());
  auto sql = open_session(path).value();
  int rows = 0;
  *sql << "SELECT count(*) FROM narinfos", soci::into(rows);
  EXPECT_EQ(rows, 1);
}

TEST(SqliteCatalog, ADatabaseOfANewerProgramIsRefusedAndNotChanged) {
  TempDir folder;
  auto path = folder.path() / "db.sqlite";
  {
    auto sql = open_session(path).value();
    *sql << "CREATE TABLE schema_migrations (version varchar(128) primary key)";
    *sql << "INSERT INTO schema_migrations VALUES ('29990101000000')";
  }
  auto refused = open_sqlite(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::conflict);
  EXPECT_NE(refused.error().what().find("29990101000000"), std::string::npos);
  auto sql = open_session(path).value();
  int tables = 0;
  *sql << "SELECT count(*) FROM sqlite_master WHERE name = 'narinfos'", soci::into(tables);
  EXPECT_EQ(tables, 0);
}

TEST(SqliteCatalog, ManyOpenersOfOneEmptyFileAllComeUp) {
  TempDir folder;
  std::atomic<int> up{0};
  std::vector<std::thread> openers;
  for (int i = 0; i < 6; ++i) {
    openers.emplace_back([&] { up += open_sqlite(folder.path() / "db.sqlite").has_value(); });
  }
  for (auto& opener : openers) opener.join();
  EXPECT_EQ(up, 6);
}

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
