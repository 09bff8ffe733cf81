#include <gtest/gtest.h>

#include "db/migrations.h"
#include "db/utf8.h"

namespace ncps::db {
namespace {

TEST(Migrations, AreOrderedAndTheFirstFourAreThoseOfTheGoProgram) {
  for (auto dialect : {"sqlite", "postgres", "mysql"}) {
    auto all = pending(dialect, all_migrations(), {}).value();
    ASSERT_GE(all.size(), 5u) << dialect;
    EXPECT_EQ(all[0].version, "20241210054814");
    EXPECT_EQ(all[1].version, "20241210054829");
    EXPECT_EQ(all[2].version, "20241213014846");
    bool mysql = dialect == std::string_view("mysql");
    EXPECT_EQ(all[3].version, mysql ? "20251230224200" : "20251230224159");
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i - 1].version, all[i].version);
  }
}

TEST(Migrations, EachDialectHasTheSameOnes) {
  auto names = [](std::string_view dialect) {
    std::vector<std::string> names;
    for (const auto& m : pending(dialect, all_migrations(), {}).value())
      names.emplace_back(m.name.substr(m.name.find('_')));
    return names;
  };
  EXPECT_EQ(names("postgres"), names("sqlite"));
  EXPECT_EQ(names("mysql"), names("sqlite"));
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

TEST(PlainUtf8, IsWhatEveryDatabaseTakes) {
  for (std::string_view good : {"", "text\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\xA6\x86",
                                "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF", "\x7F\x01"})
    EXPECT_TRUE(is_plain_utf8(good)) << good;
  using namespace std::string_view_literals;
  for (std::string_view bad :
       {"a\0b"sv, "\x80"sv, "\xC3"sv, "\xC3("sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv,
        "\xE2\x82"sv, "\xED\xA0\x80"sv, "\xF0\x80\x80\x80"sv, "\xF4\x90\x80\x80"sv, "\xF5"sv,
        "\xFF"sv, "a\xE2\x82\xAC\x82"sv})
    EXPECT_FALSE(is_plain_utf8(bad)) << bad;
}

}  // namespace
}  // namespace ncps::db
