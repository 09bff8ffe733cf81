// Every test here on each of the three.
#include "db/soci/migrate.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/testing/temp_dir.h"
#include "db/migrations.h"
#include "db/soci/dialect.h"
#include "db/soci/open_catalog.h"
#include "db/soci/testing/database_server.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::TempDir;

class Migrate : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  static DatabaseUrl fresh(const TempDir& folder) {
    if (GetParam() == DatabaseKind::sqlite)
      return {.kind = DatabaseKind::sqlite, .sqlite_path = folder.path() / "deep" / "db.sqlite"};
    return parse_database_url(DatabaseServer::of(GetParam()).fresh_database()).value();
  }

  // The migrations that the database has, by dialect, in order.
  std::vector<Migration> ours() const {
    return pending(dialect->name(), all_migrations(), {}).value();
  }

  std::unique_ptr<soci::session> session() const { return dialect->connect(); }

  int count(const std::string& what) const {
    int rows = -1;
    *session() << "SELECT count(*) FROM " << what, soci::into(rows);
    return rows;
  }

  std::size_t applied() const {
    std::size_t sum = 0;
    for (const auto& state : migration_states(url).value()) sum += state.applied ? 1 : 0;
    return sum;
  }

  void make_folder() const {
    if (url.kind == DatabaseKind::sqlite)
      std::filesystem::create_directories(url.sqlite_path.parent_path());
  }

  // The first `many` of the Go program's versions, as its dbmate leaves them.
  void apply_by_hand(std::size_t many) const {
    make_folder();
    auto sql = session();
    *sql << "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)";
    for (const auto& migration : ours()) {
      if (many-- == 0) break;
      for (const auto& statement : statements(migration.up)) *sql << statement;
      std::string version(migration.version);
      *sql << "INSERT INTO schema_migrations (version) VALUES (:v)", soci::use(version);
    }
  }

  TempDir folder;
  DatabaseUrl url = fresh(folder);
  std::unique_ptr<Dialect> dialect = make_dialect(url, {});
};

INSTANTIATE_TEST_SUITE_P(Sqlite, Migrate, ::testing::Values(DatabaseKind::sqlite));
INSTANTIATE_TEST_SUITE_P(Postgres, Migrate, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, Migrate, ::testing::Values(DatabaseKind::mysql));

TEST_P(Migrate, ANewDatabaseGetsEverythingAndTheSecondTimeNothing) {
  EXPECT_EQ(applied(), 0u);
  EXPECT_EQ(migrate(url).value().size(), ours().size());
  EXPECT_EQ(applied(), ours().size());
  EXPECT_EQ(migrate(url).value(), std::vector<std::string>());
}

TEST_P(Migrate, AskingChangesNothing) {
  ASSERT_TRUE(migration_states(url));
  EXPECT_FALSE(std::filesystem::exists(url.sqlite_path));
  if (url.kind == DatabaseKind::sqlite) return;
  EXPECT_FALSE(dialect->has_table(*session(), "schema_migrations"));
}

TEST_P(Migrate, ADatabaseAsTheGoProgramLeavesItIsBroughtUpToDateAndKeepsItsRows) {
  for (std::size_t version = 1; version <= 4; ++version) {
    TempDir other;
    url = fresh(other);
    dialect = make_dialect(url, {});
    apply_by_hand(version);
    auto hash = std::string(32, 'a');
    *session() << "INSERT INTO narinfos (hash, created_at, last_accessed_at) VALUES ('" << hash
               << "', '2025-01-02 03:04:05', '2025-02-03 04:05:06')";
    if (version >= 2) {
      *session() << "INSERT INTO nars (narinfo_id, hash, compression, file_size) "
                    "SELECT id, 'narhash', 'xz', 4999999999 FROM narinfos";
    }
    EXPECT_EQ(migrate(url).value().size(), ours().size() - version);

    EXPECT_EQ(count("narinfos WHERE hash = '" + hash +
                    "' AND created_at = '2025-01-02 03:04:05' AND last_accessed_at = "
                    "'2025-02-03 04:05:06' AND content IS NULL"),
              1);
    EXPECT_EQ(count("nars WHERE hash = 'narhash' AND compression = 'xz' AND file_size = 4999999999 "
                    "AND query = ''"),
              version >= 2 ? 1 : 0);
    // The row is there for others to find, and for us to fill.
    auto catalog = open_catalog(url, {}).value();
    boost::asio::io_context io{1};
    auto found = catalog->find_narinfo(nix::StorePathHash::parse(hash).value());
    EXPECT_FALSE(testing::run_sync(io, std::move(found)).value());
    *session() << "DELETE FROM narinfos";
    EXPECT_EQ(count("nars"), 0) << "its NARs go with a narinfo";
  }
}

TEST_P(Migrate, ANewerDatabaseIsRefusedByNameAndNotChanged) {
  apply_by_hand(2);
  *session() << "INSERT INTO schema_migrations VALUES ('29990101000000')";
  for (auto refused :
       {migrate(url).error(), open_catalog(url, {}).error(), migration_states(url).error()}) {
    EXPECT_EQ(refused.kind(), ErrorKind::conflict);
    EXPECT_NE(refused.what().find("29990101000000"), std::string::npos) << refused.what();
  }
  EXPECT_EQ(count("schema_migrations"), 3);
  EXPECT_FALSE(dialect->has_table(*session(), "nar_urls"));
}

TEST_P(Migrate, ATableOfALaterGoProgramIsRefusedAndNotChanged) {
  make_folder();
  *session() << "CREATE TABLE schema_migrations (id integer PRIMARY KEY, version_id bigint)";
  auto refused = migrate(url);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::conflict) << refused.error().what();
  EXPECT_FALSE(dialect->has_table(*session(), "narinfos"));
}

TEST_P(Migrate, AForeignTableInTheWayIsNoMigrationDone) {
  make_folder();
  *session() << "CREATE TABLE narinfos (x integer)";
  EXPECT_FALSE(migrate(url));
  EXPECT_EQ(applied(), 0u);
}

TEST_P(Migrate, OfManyThreadsThatStartAtOnceEachMigrationIsAppliedByOne) {
  constexpr int kAtOnce = 6;
  std::atomic<std::size_t> did{0}, up{0};
  std::vector<std::thread> starters;
  for (int i = 0; i < kAtOnce; ++i) {
    starters.emplace_back([&] {
      auto done = migrate(url);
      if (done) did += done->size();
      up += open_catalog(url, {}).has_value();
    });
  }
  for (auto& starter : starters) starter.join();
  EXPECT_EQ(did, ours().size());
  EXPECT_EQ(up, std::size_t{kAtOnce});
}

TEST_P(Migrate, OfTwoProcessesThatStartAtOnceBothRun) {
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    auto child = ::fork();
    if (child == 0) {
      auto opened = open_catalog(url, {});
      if (!opened) std::fprintf(stderr, "%s\n", opened.error().what().c_str());
      ::_exit(opened ? 0 : 1);
    }
    children.push_back(child);
  }
  for (auto child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(applied(), ours().size());
}

// Stops before each statement in turn, as a kill would, and goes on from there.
TEST_P(Migrate, StoppedBetweenAnyTwoStatementsItIsFinishedByTheNextStart) {
  struct Killed : std::runtime_error {
    Killed() : std::runtime_error("killed") {}
  };
  std::size_t stops = 0;
  for (bool stopped = true; stopped; ++stops) {
    TempDir other;
    url = fresh(other);
    dialect = make_dialect(url, {});
    std::size_t seen = 0;
    auto kill_at = [&](std::string_view) {
      if (seen++ == stops) throw Killed();
    };
    stopped = !migrate(url, kill_at);
    auto rest = migrate(url);
    ASSERT_TRUE(rest) << "stopped before statement " << stops << ": " << rest.error().what();
    EXPECT_EQ(applied(), ours().size());
    auto same = session();
    *same << "INSERT INTO narinfos (hash) VALUES ('x')";
    EXPECT_EQ(count("narinfos WHERE content IS NULL AND nar_url_id IS NULL"), 1);
    if (!dialect->undoes_ddl()) EXPECT_EQ(count("schema_migrations_begun"), 0);
  }
  EXPECT_GT(stops, ours().size());
}

TEST_P(Migrate, TimesAreUtcWhateverTheServersZoneIs) {
  ASSERT_TRUE(migrate(url));
  auto sql = session();
  *sql << "INSERT INTO narinfos (hash) VALUES ('x')";
  std::tm made{};
  *sql << "SELECT created_at FROM narinfos", soci::into(made);
  auto off = std::difftime(::timegm(&made), std::time(nullptr));
  EXPECT_LT(std::abs(off), 1800) << "a zone is half an hour off at least";
}

}  // namespace
}  // namespace ncps::db
