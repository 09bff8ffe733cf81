#include <gtest/gtest.h>

#include "db/database_url.h"
#include "db/migrations.h"

namespace ncps::db {
namespace {

TEST(DatabaseUrl, ReadsEverySqliteForm) {
  struct {
    std::string_view url, path;
  } table[] = {{"sqlite:/p/db", "/p/db"},
               {"sqlite:///p/db", "/p/db"},
               {"sqlite:rel.db", "rel.db"},
               {"SQLite3:/p/a#b.db", "/p/a#b.db"},
               {"sqlite:/p/db?x=y", "/p/db"}};
  for (const auto& row : table)
    EXPECT_EQ(parse_database_url(row.url).value().sqlite_path, row.path);
}

TEST(DatabaseUrl, KnowsTheServersByTheirSchemes) {
  for (auto url :
       {"postgres://h/d", "postgresql://u:p@h:1/d?sslmode=disable", "Postgres+unix:///run/d"})
    EXPECT_EQ(parse_database_url(url).value().kind, DatabaseKind::postgresql) << url;
  for (auto url : {"mysql://h/d", "mysql+unix:///run/x.sock/d"})
    EXPECT_EQ(parse_database_url(url).value().kind, DatabaseKind::mysql) << url;
}

TEST(DatabaseUrl, RefusesOthersWithoutEchoingASecret) {
  for (auto bad : {"", "db", "sqlite:", "oracle://u:secret@h/db", "postgres//u:secret@h"}) {
    auto url = parse_database_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().what().find("secret"), std::string::npos);
  }
}

TEST(Migrations, AreOrderedAndTheFirstFourAreThoseOfTheGoProgram) {
  auto all = pending("sqlite", all_migrations(), {}).value();
  ASSERT_GE(all.size(), 5u);
  EXPECT_EQ(all[0].version, "20241210054814");
  EXPECT_EQ(all[1].version, "20241210054829");
  EXPECT_EQ(all[2].version, "20241213014846");
  EXPECT_EQ(all[3].version, "20251230224159");
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].version, all[i].version);
}

TEST(Migrations, PendingAreTheRestAndAnUnknownVersionIsRefused) {
  EXPECT_EQ(pending("sqlite", all_migrations(), {"20241210054814"}).value().size(),
            pending("sqlite", all_migrations(), {}).value().size() - 1);
  EXPECT_EQ(pending("sqlite", all_migrations(), {"3"}).error().kind(), ErrorKind::conflict);
}

TEST(Migrations, StatementsAreCutAtSemicolonsWithoutComments) {
  auto found =
      statements("-- a comment;\nCREATE TABLE a (\n  x INT -- why;\n);\n\nDROP TABLE b;\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].find("--"), std::string::npos);
  EXPECT_NE(found[1].find("DROP TABLE b"), std::string::npos);
}

}  // namespace
}  // namespace ncps::db
