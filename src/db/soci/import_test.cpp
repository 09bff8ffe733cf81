// What `ncps import` asks of databases: every test on each of the three.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/testing/temp_dir.h"
#include "db/soci/open_catalog.h"
#include "db/soci/open_import.h"
#include "db/soci/testing/database_server.h"
#include "db/soci/testing/go_tables.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {
namespace {

using ncps::testing::ask;
using ncps::testing::DatabaseServer;
using ncps::testing::execute;
using ncps::testing::TempDir;
using How = Imported::How;

class Import : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  DatabaseUrl fresh(const std::string& name) {
    if (GetParam() == DatabaseKind::sqlite)
      return {.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / name / "db.sqlite"};
    return parse_database_url(DatabaseServer::of(GetParam()).fresh_database()).value();
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  static nix::StorePathHash hash(char c) {
    return nix::StorePathHash::parse(std::string(nix::StorePathHash::kLength, c)).value();
  }

  static ImportRow row(char c, std::string_view url) {
    NarRow nar{.url = nix::NarUrl::parse(url).value(),
               .nar_hash = nix::Hash(crypto::sha256(url)),
               .nar_size = 5'000'000'000,
               .compression = nix::Compression::xz,
               .file_hash = {},
               .file_size = 4'999'999'999,
               .upstream = "",
               .upstream_url = std::string(url),
               .stored_size = 4'999'999'999};
    NarInfoRow narinfo{.hash = hash(c),
                       .text = "text of " + std::string(1, c),
                       .upstream = "",
                       .nar_url = nar.url};
    return {
        .narinfo = narinfo, .nar = nar, .urls = {nar.url}, .narinfo_times = {}, .nar_times = {}};
  }

  How put(CatalogImport& import, const ImportRow& row) {
    return run(import.put({row})).value().at(0).how;
  }

  // A time in a row, as all three print it.
  std::string time(const std::string& sql) {
    auto text = ask(url, sql);
    auto time = parse_time(text);
    return time ? print_time(*time) : text;
  }

  boost::asio::io_context io{1};
  TempDir folder;
  DatabaseUrl url = fresh("ours");
};

INSTANTIATE_TEST_SUITE_P(Sqlite, Import, ::testing::Values(DatabaseKind::sqlite));
INSTANTIATE_TEST_SUITE_P(Postgres, Import, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, Import, ::testing::Values(DatabaseKind::mysql));

TEST_P(Import, WhatIsPutIsInTheCatalogWithItsTimes) {
  auto import = open_import(url, DryRun::no).value();
  auto one = row('a', "nar/one.nar.xz");
  one.narinfo_times = {.created = parse_time("2025-01-01 00:00:00"),
                       .accessed = parse_time("2025-02-02 01:02:03")};
  one.nar_times = {.created = {}, .accessed = parse_time("2025-03-03 01:02:03")};
  EXPECT_EQ(put(*import, one), How::added);
  EXPECT_EQ(put(*import, one), How::known);
  auto catalog = open_catalog(url, {}).value();
  auto narinfo = run(catalog->find_narinfo(hash('a'))).value().value();
  EXPECT_EQ(narinfo.text, "text of a");
  EXPECT_EQ(narinfo.nar_url, one.nar.url);
  auto nar = run(catalog->find_nar(one.nar.url)).value().value();
  EXPECT_EQ(nar.nar_hash, one.nar.nar_hash);
  EXPECT_EQ(nar.nar_size, one.nar.nar_size);
  EXPECT_EQ(nar.file_size, one.nar.file_size);
  EXPECT_EQ(nar.file_hash, std::nullopt);
  EXPECT_EQ(nar.stored_size, one.nar.stored_size);
  EXPECT_EQ(time("SELECT created_at FROM narinfos"), "2025-01-01 00:00:00");
  EXPECT_EQ(time("SELECT last_accessed_at FROM narinfos"), "2025-02-02 01:02:03");
  EXPECT_EQ(time("SELECT created_at FROM nar_urls"), "2025-03-03 01:02:03");
  EXPECT_EQ(time("SELECT last_accessed_at FROM nar_urls"), "2025-03-03 01:02:03");
}

TEST_P(Import, RowsOfTheGoProgramKeepTheirTimesAndGiveThemToTheNar) {
  ncps::testing::make_early_go_tables(url);
  execute(url, "INSERT INTO narinfos (hash, created_at, last_accessed_at) VALUES ('" +
                   std::string(hash('a').str()) +
                   "', '2025-01-01 00:00:00', '2025-02-02 01:02:03')");
  execute(url, "INSERT INTO narinfos (hash, created_at, last_accessed_at) VALUES ('" +
                   std::string(hash('b').str()) +
                   "', '2025-01-05 00:00:00', '2025-02-05 01:02:03')");
  execute(url,
          "INSERT INTO nars (narinfo_id, hash, compression, file_size, created_at, "
          "last_accessed_at) SELECT id, 'one', 'xz', 77, '2025-01-01 00:00:01', '2025-04-04 "
          "04:04:04' FROM narinfos WHERE last_accessed_at < '2025-02-04 00:00:00'");
  auto import = open_import(url, DryRun::no).value();
  EXPECT_EQ(put(*import, row('a', "nar/one.nar.xz")), How::added);
  EXPECT_EQ(put(*import, row('b', "nar/two.nar.xz")), How::added);  // it has no row of its own
  EXPECT_EQ(put(*import, row('d', "nar/new.nar.xz")), How::added);
  auto accessed = [&](const std::string& of) { return time("SELECT last_accessed_at FROM " + of); };
  EXPECT_EQ(accessed("narinfos WHERE content = 'text of a'"), "2025-02-02 01:02:03");
  EXPECT_EQ(accessed("nar_urls WHERE url = 'nar/one.nar.xz'"), "2025-04-04 04:04:04");
  EXPECT_EQ(accessed("nar_urls WHERE url = 'nar/two.nar.xz'"), "2025-02-05 01:02:03");
  EXPECT_GT(accessed("nar_urls WHERE url = 'nar/new.nar.xz'"), "2026-01-01 00:00:00");
  EXPECT_EQ(ask(url, "SELECT count(*) FROM nars WHERE file_size = 77"), "1") << "left alone";
}

TEST_P(Import, ARowThatIsThereKeepsItsTimesAndWhatItsUrlMeans) {
  auto catalog = open_catalog(url, {}).value();
  auto one = row('a', "nar/one.nar.xz");
  one.nar.upstream = "https://a.example";
  one.nar.stored_size.reset();
  ASSERT_TRUE(run(catalog->put_narinfo(one.narinfo, one.nar)));
  auto later = row('a', "nar/one.nar.xz");
  later.narinfo.text = "another";
  later.narinfo_times.accessed = later.nar_times.accessed = parse_time("2001-01-01 00:00:00");
  auto import = open_import(url, DryRun::no).value();
  EXPECT_EQ(put(*import, later), How::known);
  EXPECT_EQ(run(catalog->find_narinfo(hash('a'))).value()->text, "text of a");
  auto nar = run(catalog->find_nar(one.nar.url)).value().value();
  EXPECT_EQ(nar.upstream, "https://a.example");
  EXPECT_EQ(nar.stored_size, 4'999'999'999u) << "that it is at rest is news";
  EXPECT_GT(time("SELECT last_accessed_at FROM nar_urls"), "2026-01-01 00:00:00");
  auto shared = later;
  shared.narinfo.hash = hash('b');
  EXPECT_EQ(put(*import, shared), How::added);
  EXPECT_EQ(run(catalog->find_narinfo(hash('b'))).value()->nar_url, one.nar.url);
}

TEST_P(Import, AUrlOfAnotherNarIsPassedOver) {
  auto import = open_import(url, DryRun::no).value();
  ASSERT_EQ(put(*import, row('a', "nar/one.nar.xz")), How::added);
  auto other = row('b', "nar/one.nar.xz");
  other.nar.nar_hash = nix::Hash(crypto::sha256("another NAR"));
  EXPECT_EQ(put(*import, other), How::refused);
  other.urls.push_back(nix::NarUrl::parse("nar/free.nar.xz").value());
  auto outcome = run(import->put({other})).value().at(0);
  EXPECT_EQ(outcome.how, How::added);
  EXPECT_EQ(outcome.url.str(), "nar/free.nar.xz");
  auto catalog = open_catalog(url, {}).value();
  EXPECT_EQ(run(catalog->find_nar(outcome.url)).value()->stored_size, std::nullopt)
      << "what is at rest has the first name";
}

TEST_P(Import, ADryRunSaysWhatItWouldDoAndChangesNothing) {
  auto later = row('b', "nar/two.nar.xz");
  if (GetParam() == DatabaseKind::sqlite) {
    EXPECT_EQ(put(*open_import(url, DryRun::yes).value(), later), How::added);
    EXPECT_FALSE(std::filesystem::exists(url.sqlite_path.parent_path()));
  }
  ncps::testing::make_early_go_tables(url);
  EXPECT_EQ(put(*open_import(url, DryRun::yes).value(), later), How::added);
  ASSERT_EQ(put(*open_import(url, DryRun::no).value(), row('a', "nar/one.nar.xz")), How::added);
  auto files = [&] {
    std::map<std::string, std::string> all;
    if (GetParam() != DatabaseKind::sqlite) return all;
    for (const auto& entry : std::filesystem::directory_iterator(url.sqlite_path.parent_path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      all[entry.path().filename().native()] = {std::istreambuf_iterator<char>(in), {}};
    }
    return all;
  };
  auto before = files();
  {
    auto import = open_import(url, DryRun::yes).value();
    EXPECT_EQ(put(*import, row('a', "nar/one.nar.xz")), How::known);
    EXPECT_EQ(put(*import, later), How::added);
    auto other = row('d', "nar/one.nar.xz");
    other.nar.nar_hash = nix::Hash(crypto::sha256("another NAR"));
    EXPECT_EQ(put(*import, other), How::refused);
  }
  EXPECT_EQ(files(), before);
  EXPECT_EQ(ask(url, "SELECT count(*) FROM narinfos"), "1");
}

TEST_P(Import, BesideAServerThatWritesTheSameRowsBothEnd) {
  auto catalog = open_catalog(url, {}).value();
  auto import = open_import(url, DryRun::no).value();
  std::vector<ImportRow> batch;
  constexpr std::string_view kLetters = "abcdfghijklmnpqrsvwxyz";
  for (char c : kLetters) batch.push_back(row(c, "nar/" + std::string(1, c) + ".nar.xz"));
  std::atomic<int> failed = 0;
  std::thread server([&] {
    boost::asio::io_context io{1};
    for (int round = 0; round < 3; ++round)
      for (auto it = batch.rbegin(); it != batch.rend(); ++it)
        if (!ncps::testing::run_sync(io, catalog->put_narinfo(it->narinfo, it->nar))) ++failed;
  });
  for (int round = 0; round < 5; ++round) EXPECT_TRUE(run(import->put(batch)));
  server.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(ask(url, "SELECT count(*) FROM narinfos WHERE nar_url_id IS NOT NULL"),
            std::to_string(kLetters.size()));
}

class GoTables : public Import {
 protected:
  void SetUp() override { ncps::testing::make_late_go_tables(url); }

  void add_narinfo(int id) {
    auto n = std::to_string(id);
    execute(url,
            "INSERT INTO narinfos (id, hash, store_path, url, compression, file_size, "
            "nar_hash, nar_size, created_at, last_accessed_at) VALUES (" +
                n + ", 'hash" + n + "', '/nix/store/x', 'nar/" + n +
                ".nar', 'none', NULL, 'sha256:x', 12, '2025-01-01 00:00:00', '2025-02-02 "
                "01:02:03')");
  }
};

INSTANTIATE_TEST_SUITE_P(Sqlite, GoTables, ::testing::Values(DatabaseKind::sqlite));
INSTANTIATE_TEST_SUITE_P(Postgres, GoTables, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, GoTables, ::testing::Values(DatabaseKind::mysql));

TEST_P(GoTables, ANarInfoComesWithAllThatItsTablesSay) {
  add_narinfo(7);
  execute(url, "UPDATE narinfos SET upstream_url = 'nar/up.nar?x=1', deriver = 'd.drv', ca = 'c'");
  execute(url, "INSERT INTO narinfo_references VALUES (7, 'b'), (7, 'a'), (8, 'not its own')");
  execute(url, "INSERT INTO narinfo_signatures VALUES (7, 'k:sig'), (6, 'not its own')");
  execute(url,
          "INSERT INTO nar_files (id, hash, compression, file_size, total_chunks, "
          "created_at, last_accessed_at) VALUES (3, 'file', 'none', 5, 0, '2025-01-01 "
          "00:00:00', '2025-05-05 05:05:05'), (4, 'chunked', '', 5, 9, '2025-01-01 00:00:00', "
          "NULL)");
  execute(url, "INSERT INTO narinfo_nar_files VALUES (7, 3), (7, 4), (9, 3)");
  auto database = open_go_database(url).value();
  auto page = run(database->narinfos(0)).value();
  ASSERT_EQ(page.narinfos.size(), 1u);
  const auto& found = page.narinfos[0];
  EXPECT_EQ(found.hash, "hash7");
  EXPECT_EQ(found.text,
            "StorePath: /nix/store/x\nURL: nar/7.nar\nCompression: none\nNarHash: sha256:x\n"
            "NarSize: 12\nReferences: a b\nDeriver: d.drv\nSig: k:sig\nCA: c\n");
  EXPECT_EQ(found.upstream_url, "nar/up.nar?x=1");
  EXPECT_EQ(found.times.accessed, parse_time("2025-02-02 01:02:03"));
  ASSERT_EQ(found.files.size(), 2u);
  auto whole = std::ranges::find(found.files, "file", &GoNarFile::hash);
  ASSERT_NE(whole, found.files.end());
  EXPECT_FALSE(whole->in_chunks);
  EXPECT_EQ(whole->compression, "none");
  EXPECT_EQ(whole->times.accessed, parse_time("2025-05-05 05:05:05"));
  EXPECT_TRUE(std::ranges::find(found.files, "chunked", &GoNarFile::hash)->in_chunks);
  EXPECT_TRUE(run(database->narinfos(page.last)).value().narinfos.empty());
}

TEST_P(GoTables, ManyComeInPagesWithoutGapOrRepetition) {
  for (int id = 1; id <= 3; ++id) add_narinfo(id * 100000);
  for (int more = 1; more <= 9; ++more)  // 3 * 2^9 rows
    execute(url, "INSERT INTO narinfos (hash, store_path, url) SELECT " +
                     std::string(GetParam() == DatabaseKind::mysql
                                     ? "concat(hash, '-" + std::to_string(more) + "')"
                                     : "hash || '-" + std::to_string(more) + "'") +
                     ", store_path, url FROM narinfos");
  auto database = open_go_database(url).value();
  std::set<std::string> hashes;
  std::size_t rows = 0, pages = 0;
  for (std::int64_t last = 0;;) {
    auto page = run(database->narinfos(last)).value();
    if (page.narinfos.empty()) break;
    for (const auto& narinfo : page.narinfos) hashes.insert(narinfo.hash);
    rows += page.narinfos.size();
    last = page.last;
    ++pages;
  }
  EXPECT_EQ(rows, 1536u);
  EXPECT_EQ(hashes.size(), 1536u);
  EXPECT_GT(pages, 2u);
}

TEST_P(GoTables, ARowThatIsNotCompleteHasNoText) {
  execute(url, "INSERT INTO narinfos (id, hash) VALUES (1, 'empty')");
  auto page = run(open_go_database(url).value()->narinfos(0)).value();
  EXPECT_EQ(page.narinfos.at(0).text, std::nullopt);
}

TEST_P(GoTables, TheKeyIsReadAndAbsenceIsAnAnswer) {
  EXPECT_EQ(run(open_go_database(url).value()->secret_key()).value(), std::nullopt);
  execute(url, GetParam() == DatabaseKind::mysql
                   ? "INSERT INTO config (`key`, value) VALUES ('secret_key', 'name:secret')"
                   : "INSERT INTO config (\"key\", value) VALUES ('secret_key', 'name:secret')");
  EXPECT_EQ(run(open_go_database(url).value()->secret_key()).value(), "name:secret");
}

TEST_P(GoTables, ADatabaseOfAnotherKindIsRefusedWithWhatToDo) {
  auto early = fresh("early"), empty = fresh("empty");
  ncps::testing::make_early_go_tables(early);
  auto refused = open_go_database(early);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what().find("--cache-database-url"), std::string::npos);
  EXPECT_FALSE(open_go_database(empty)) << "an empty one, or no file";
  if (GetParam() == DatabaseKind::sqlite) EXPECT_FALSE(std::filesystem::exists(empty.sqlite_path));
}

TEST_P(GoTables, AsOurOwnDatabaseItIsRefusedWithTheWayToImportIt) {
  auto refused = open_catalog(url, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what().find("ncps import --from-database-url"), std::string::npos)
      << refused.error().what();
}

TEST(GoColumns, WithABreakInAValueAreNoText) {
  GoColumns columns{
      .store_path = "/nix/store/x", .url = "nar/x.nar", .nar_hash = "sha256:x", .nar_size = "1"};
  EXPECT_TRUE(narinfo_text(columns));
  for (auto* column : {&columns.store_path, &columns.url, &columns.nar_hash, &columns.nar_size,
                       &columns.deriver, &columns.ca, &columns.system, &columns.compression}) {
    auto good = *column;
    *column = "x\nSig: y";
    EXPECT_FALSE(narinfo_text(columns));
    *column = good;
  }
  columns.references = {"/nix/store/full-path", "base"};
  columns.file_size = "0";
  EXPECT_EQ(narinfo_text(columns),
            "StorePath: /nix/store/x\nURL: nar/x.nar\nNarHash: sha256:x\nNarSize: 1\n"
            "References: full-path base\n");
  columns.signatures = {"a\nCA: b"};
  EXPECT_FALSE(narinfo_text(columns));
}

}  // namespace
}  // namespace ncps::db
