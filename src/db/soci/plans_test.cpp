// No hot statement may read a table from its beginning to its end.
#include <gtest/gtest.h>

#include "base/testing/temp_dir.h"
#include "db/soci/eviction_statements.h"
#include "db/soci/inventory_statements.h"
#include "db/soci/migrate.h"
#include "db/soci/statements.h"
#include "db/soci/testing/database_server.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::TempDir;

class Plans : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  static DatabaseUrl fresh(const TempDir& folder) {
    if (GetParam() == DatabaseKind::sqlite)
      return {.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / "db.sqlite"};
    return parse_database_url(DatabaseServer::of(GetParam()).fresh_database()).value();
  }

  // Enough rows that reading them all would cost more than looking into an index.
  void SetUp() override {
    ASSERT_TRUE(migrate(url));
    sql = dialect->connect();
    soci::transaction all(*sql);
    for (int i = 1; i <= 2000; ++i) {
      auto name = std::to_string(i), nar = "nar/" + name;  // SOCI reads them after temporaries go
      *sql << "INSERT INTO nar_urls (id, url, nar_hash, nar_size, compression, upstream, "
              "upstream_url) VALUES (:i, :u, 'sha256:x', 1, 'xz', '', '')",
          soci::use(i), soci::use(nar);
      *sql << "INSERT INTO narinfos (hash, nar_url_id) VALUES (:h, :i)", soci::use(name),
          soci::use(i);
    }
    *sql << "INSERT INTO kept_objects (name, size) SELECT hash, 7 FROM narinfos";
    *sql << "INSERT INTO pins (hash) SELECT hash FROM narinfos";
    all.commit();
    if (url.kind == DatabaseKind::mysql)
      *sql << "ANALYZE TABLE narinfos, nar_urls, kept_objects, pins";
    else
      *sql << "ANALYZE";
  }

  void half_at_rest() {
    *sql << "UPDATE nar_urls SET stored_size = 7 WHERE id % 2 = 0";
    *sql << (url.kind == DatabaseKind::mysql ? "ANALYZE TABLE nar_urls" : "ANALYZE");
  }

  // As the database explains it, with a value in the place of each :name.
  std::string plan(std::string statement) {
    if (auto many = statement.find(":many"); many != statement.npos)
      statement.replace(many, 5, statement.contains(" id IN") ? "7, 8" : "'nar/77', 'nar/78'");
    for (auto at = statement.find(" :"); at != statement.npos; at = statement.find(" :", at)) {
      ++at;
      auto end = statement.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1);
      auto length = end == statement.npos ? end : end - at;
      auto name = statement.substr(at, length);
      bool is_time = name == ":at" || name == ":beyond";
      bool is_number = name == ":size" || name == ":most" || name == ":id" || name == ":when" ||
                       name == ":fence";
      std::string value = is_time ? "'2000-01-01 00:00:00'" : "'nar/77'";
      statement.replace(at, length, is_number ? "7" : value);
    }
    std::string text;
    if (url.kind == DatabaseKind::sqlite) {
      soci::rowset<soci::row> rows = (sql->prepare << "EXPLAIN QUERY PLAN " << statement);
      for (const auto& row : rows) text += row.get<std::string>(3) + "\n";
    } else {
      auto how = url.kind == DatabaseKind::mysql ? "EXPLAIN FORMAT=JSON " : "EXPLAIN ";
      soci::rowset<std::string> rows = (sql->prepare << how << statement);
      for (const auto& row : rows) text += row + "\n";
    }
    return text;
  }

  // Whether it reads a whole table or a whole index.
  static bool reads_all(std::string plan) {
    // Has one row for each kind of lease.
    constexpr std::string_view kSmall = "Seq Scan on lease_fences";
    if (auto at = plan.find(kSmall); at != plan.npos) plan.erase(at, kSmall.size());
    for (auto sign : {"SCAN ", "Seq Scan", R"("access_type": "ALL")", R"("access_type": "index")"})
      if (plan.contains(sign)) return true;
    return false;
  }

  TempDir folder;
  const DatabaseUrl url = fresh(folder);
  const std::unique_ptr<Dialect> dialect = make_dialect(url, {});
  std::unique_ptr<soci::session> sql;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, Plans, ::testing::Values(DatabaseKind::sqlite));
INSTANTIATE_TEST_SUITE_P(Postgres, Plans, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, Plans, ::testing::Values(DatabaseKind::mysql));

TEST_P(Plans, HotStatementsUseIndexes) {
  for (auto statement :
       {kFindNarInfo, kFindNar, kMarkStored, kUseNarInfos, kNarsOfNarInfos, kUseNarsById, kUseNars,
        // the one inside Put
        std::string_view("SELECT id FROM nar_urls WHERE url = :url AND nar_hash = :h "
                         "AND compression = :c"),
        kNarInfosOfNar, kDropNar, kDropNarInfo, kDropObject,
        // what a foreign key costs when a row of nar_urls goes
        std::string_view("SELECT id FROM narinfos WHERE nar_url_id = :size")})
    EXPECT_FALSE(reads_all(plan(std::string(statement)))) << plan(std::string(statement));
}

// In the order of the index: a sort would mean that every NAR at rest is read.
TEST_P(Plans, WhatIsEvictedIsReadInTheOrderOfItsIndexAndAddedUpFromItAlone) {
  half_at_rest();
  for (auto statement : {kept_nars_statement(dialect->at_rest()), std::string(kKeptNarInfos),
                         std::string(kKeptObjects)}) {
    auto text = plan(statement);
    EXPECT_TRUE(text.contains("at_rest") || text.contains("last_accessed_at")) << text;
    EXPECT_FALSE(reads_all(text)) << text;
    for (auto sign : {"TEMP B-TREE", "Sort", "filesort"}) EXPECT_FALSE(text.contains(sign)) << text;
  }
  if (url.kind == DatabaseKind::postgresql) return;  // decides by what vacuum has seen
  auto total = plan(nar_total_statement(dialect->at_rest()));
  EXPECT_TRUE(total.contains("COVERING INDEX") || total.contains("\"using_index\": true")) << total;
}

// Page by page, each of them read from where the last one ended.
TEST_P(Plans, ThePagesOfAnInventoryAreReadInTheOrderOfTheirIndex) {
  half_at_rest();
  for (auto statement :
       {std::string(kNarInfoPage), std::string(kObjectPage), std::string(kPinPage),
        nar_page_statement(),
        least_verified_statement(dialect->at_rest(), 10, Time(std::chrono::seconds(7)))}) {
    if (auto at = statement.find("LIMIT 500"); at != statement.npos)
      statement.replace(at, 9,
                        "LIMIT 10");  // a part of this table as small as 500 are of a large one
    auto text = plan(statement);
    for (auto sign : {"TEMP B-TREE", "Sort", "filesort"})
      EXPECT_FALSE(text.contains(sign)) << statement << "\n" << text;
  }
}

TEST_P(Plans, ThisTestWouldSeeOneThatDoesNot) {
  auto text = plan("SELECT id FROM nar_urls WHERE upstream_url = :url");
  EXPECT_TRUE(reads_all(text)) << text;
}

}  // namespace
}  // namespace ncps::db
