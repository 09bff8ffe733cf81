// The catalog on a server that is stopped, does not answer, or is far away.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "db/soci/dialect.h"
#include "db/soci/open_catalog.h"
#include "db/soci/session.h"
#include "db/soci/testing/database_server.h"
#include "db/soci/testing/wire.h"
#include "rt/testing/run_sync.h"

// For the leak sanitizer: SOCI forgets a PostgreSQL connection if the server goes away between
// connecting and the first statement that SOCI sends by itself.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpq.so\n";
}

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::Wire;

nix::StorePathHash hash_of(int n) {
  auto text = std::to_string(n);
  return nix::StorePathHash::parse(std::string(32 - text.size(), '0') + text).value();
}

NarRow nar_of(int n) {
  auto url = "nar/" + std::to_string(n) + ".nar.xz";
  return {.url = nix::NarUrl::parse(url).value(),
          .nar_hash = nix::Hash(crypto::sha256(url)),
          .nar_size = 7,
          .compression = nix::Compression::xz,
          .upstream = "https://cache.example",
          .upstream_url = url};
}

class Server : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  ~Server() override { server.start(); }  // the next test wants one that runs

  template <class T>
  static Result<T> run(Task<T> task) {
    boost::asio::io_context own{1};
    return ncps::testing::run_sync(own, std::move(task));
  }

  static Result<void> put(Catalog& catalog, int n) {
    auto nar = nar_of(n);
    NarInfoRow narinfo{
        .hash = hash_of(n), .text = "text", .upstream = nar.upstream, .nar_url = nar.url};
    return run(catalog.put_narinfo(narinfo, nar));
  }

  static Result<std::optional<NarInfoRow>> find(Catalog& catalog, int n) {
    return run(catalog.find_narinfo(hash_of(n)));
  }

  std::unique_ptr<Catalog> open(const PoolLimits& limits) const {
    return open_catalog(url, limits).value();
  }

  // The same database, behind `wire`.
  DatabaseUrl behind(const Wire& wire) const {
    auto there = url;
    there.port = static_cast<std::uint16_t>(wire.port());
    return there;
  }

  DatabaseServer& server = DatabaseServer::of(GetParam());
  const DatabaseUrl url = parse_database_url(server.fresh_database()).value();
  const PoolLimits impatient{.open = 2,
                             .idle = 2,
                             .connecting = std::chrono::seconds(3),
                             .answering = std::chrono::seconds(3)};
};

INSTANTIATE_TEST_SUITE_P(Postgres, Server, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, Server, ::testing::Values(DatabaseKind::mysql));

TEST_P(Server, AfterARestartNobodyNotices) {
  auto catalog = open({});
  ASSERT_TRUE(put(*catalog, 1));
  server.kill();
  server.start();
  EXPECT_TRUE(find(*catalog, 1).value());
  server.kill();
  server.start();
  EXPECT_TRUE(put(*catalog, 2));
  EXPECT_TRUE(find(*catalog, 2).value());
}

TEST_P(Server, WhileItIsGoneCallsAreUnavailableAndThenWorkAgain) {
  auto catalog = open({});
  ASSERT_TRUE(put(*catalog, 1));
  server.kill();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(find(*catalog, 1).error().kind(), ErrorKind::unavailable);
    EXPECT_EQ(put(*catalog, 2).error().kind(), ErrorKind::unavailable);
  }
  server.start();
  EXPECT_TRUE(find(*catalog, 1).value());
  EXPECT_FALSE(find(*catalog, 2).value());
  EXPECT_TRUE(put(*catalog, 2));
}

TEST_P(Server, KilledUnderLoadItLosesNothingThatWasAcknowledged) {
  auto catalog = open({});
  std::mutex mutex;
  std::set<int> kept;
  std::atomic<int> next{0};
  std::atomic<bool> stop{false};
  auto work = [&] {
    while (!stop) {
      int n = next++;
      auto done = put(*catalog, n);
      auto found = find(*catalog, n);
      if (!done) {
        EXPECT_EQ(done.error().kind(), ErrorKind::unavailable);
      }
      if (!found) {
        EXPECT_EQ(found.error().kind(), ErrorKind::unavailable);
      }
      if (done) {
        std::lock_guard lock(mutex);
        kept.insert(n);
        if (found) {
          EXPECT_TRUE(found->has_value());
        }
      }
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) workers.emplace_back(work);
  auto wait_for_more = [&] {
    auto size = [&] {
      std::lock_guard lock(mutex);
      return kept.size();
    };
    for (auto before = size(); size() < before + 20;) std::this_thread::yield();
  };
  for (int outage = 0; outage < 2; ++outage) {
    wait_for_more();
    server.kill();
    server.start();
  }
  wait_for_more();
  stop = true;
  for (auto& worker : workers) worker.join();
  for (int n : kept) EXPECT_TRUE(find(*catalog, n).value()) << n;
}

TEST_P(Server, OneThatDoesNotAnswerIsGivenUp) {
  Wire wire(GetParam(), server.port());
  auto catalog = open_catalog(behind(wire), impatient).value();
  ASSERT_TRUE(put(*catalog, 1));
  wire.freeze();
  EXPECT_EQ(find(*catalog, 1).error().kind(), ErrorKind::unavailable);  // on an open connection
  EXPECT_EQ(find(*catalog, 1).error().kind(), ErrorKind::unavailable);  // on a new one
  EXPECT_EQ(put(*catalog, 2).error().kind(), ErrorKind::unavailable);
  wire.thaw();
  // Not at once: nobody tries for as long as the last try took.
  while (!find(*catalog, 1)) std::this_thread::yield();
  EXPECT_TRUE(put(*catalog, 2));
}

TEST_P(Server, AConnectionThatIsCutTakesNobodyElsesWithIt) {
  auto dialect = make_dialect(url, impatient);
  Session session(*dialect);
  server.kill();
  EXPECT_ANY_THROW(session.sql() << "SELECT 1");  // here the library may close its descriptor
  std::vector<UniqueFd> others;                   // and these may get its number
  for (int i = 0; i < 8; ++i) {
    int pair[2] = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    others.emplace_back(pair[0]);
    others.emplace_back(pair[1]);
  }
  session.cut();
  for (std::size_t i = 0; i < others.size(); i += 2)
    EXPECT_EQ(::send(others[i].get(), "x", 1, MSG_NOSIGNAL), 1);
}

TEST_P(Server, WhoeverWaitsInVainForALockIsToldAndTheNextOneGetsIt) {
  auto catalog = open(impatient);
  ASSERT_TRUE(put(*catalog, 1));
  auto other = make_dialect(url, {})->connect();
  *other << "BEGIN";
  *other << "UPDATE nar_urls SET nar_size = 8";
  EXPECT_EQ(put(*catalog, 1).error().kind(), ErrorKind::unavailable);
  EXPECT_TRUE(find(*catalog, 1).value()) << "readers do not wait";
  *other << "ROLLBACK";
  EXPECT_TRUE(put(*catalog, 1));
}

// A trigger that fails as a deadlock does, for so many times.
void fail_next_puts(const DatabaseUrl& url, int times) {
  auto sql = make_dialect(url, {})->connect();
  if (url.kind == DatabaseKind::postgresql) {
    *sql << "DROP SEQUENCE IF EXISTS tries";
    *sql << "CREATE SEQUENCE tries";  // is not rolled back
    *sql << "CREATE OR REPLACE FUNCTION fail() RETURNS trigger AS $$ BEGIN IF nextval('tries') <= "
         << times
         << " THEN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$ "
            "LANGUAGE plpgsql";
    *sql << "CREATE OR REPLACE TRIGGER fails BEFORE INSERT ON narinfos FOR EACH ROW EXECUTE "
            "FUNCTION fail()";
    return;
  }
  *sql << "DROP TRIGGER IF EXISTS fails";
  *sql << "DROP TABLE IF EXISTS tries";
  *sql << "CREATE TABLE tries (n INT) ENGINE = MyISAM";  // is not rolled back
  *sql << "INSERT INTO tries VALUES (0)";
  *sql << "CREATE TRIGGER fails BEFORE INSERT ON narinfos FOR EACH ROW BEGIN "
          "UPDATE tries SET n = n + 1; IF (SELECT n FROM tries) <= "
       << times
       << " THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'no'; END IF; END";
}

TEST_P(Server, ADeadlockIsTriedFiveTimesAndLeavesNothingHalfDone) {
  auto catalog = open({.answering = std::chrono::seconds(60)});
  fail_next_puts(url, 4);
  EXPECT_TRUE(put(*catalog, 1));
  fail_next_puts(url, 5);
  EXPECT_EQ(put(*catalog, 2).error().kind(), ErrorKind::unavailable);
  EXPECT_FALSE(run(catalog->find_nar(nar_of(2).url)).value()) << "neither, or both";
  EXPECT_TRUE(put(*catalog, 2));
}

TEST_P(Server, HasNoMoreConnectionsThanTheLimits) {
  Wire wire(GetParam(), server.port());
  auto catalog =
      open_catalog(behind(wire), {.open = 3, .idle = 3, .answering = std::chrono::seconds(60)})
          .value();
  auto before = wire.connections();  // the migration's
  auto crowd = [&] {
    std::vector<std::thread> callers;
    for (int i = 0; i < 24; ++i) callers.emplace_back([&, i] { EXPECT_TRUE(put(*catalog, i)); });
    for (auto& caller : callers) caller.join();
  };
  crowd();
  EXPECT_LE(wire.connections() - before, 3);
  crowd();
  EXPECT_LE(wire.connections() - before, 3) << "they stay open";
  catalog = open_catalog(behind(wire), {.open = 1, .idle = 0}).value();
  before = wire.connections();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(put(*catalog, i));
  EXPECT_EQ(wire.connections() - before, 3) << "none stays open";
}

// Each round trip costs a distant server's time, and a call has five seconds.
TEST_P(Server, NotingFiveHundredUsesCostsAFewRoundTrips) {
  Wire wire(GetParam(), server.port());
  auto catalog = open_catalog(behind(wire), {.open = 1, .idle = 1}).value();
  Uses uses;
  for (int n = 0; n < 250; ++n) {
    uses.narinfos.push_back(hash_of(n));
    uses.nars.push_back(nar_of(n).url);
  }
  ASSERT_TRUE(put(*catalog, 1));  // connects
  auto before = wire.turns();
  EXPECT_TRUE(
      run(catalog->note_uses(uses, std::chrono::sys_days(std::chrono::January / 1 / 2030))));
  EXPECT_LE(wire.turns() - before, 16);
}

TEST_P(Server, AMissCostsThreeRoundTripsAndAHitOne) {
  Wire wire(GetParam(), server.port());
  auto catalog = open_catalog(behind(wire), {.open = 1, .idle = 1}).value();
  auto miss = [&](int n) {
    EXPECT_FALSE(find(*catalog, n).value());
    EXPECT_TRUE(put(*catalog, n));
    EXPECT_TRUE(run(catalog->mark_stored(nar_of(n).url, 7)));
  };
  miss(1);  // connects and prepares
  auto before = wire.turns();
  miss(2);
  EXPECT_EQ(wire.turns() - before, 3);
  before = wire.turns();
  EXPECT_TRUE(find(*catalog, 2).value());
  EXPECT_EQ(wire.turns() - before, 1);
}

}  // namespace
}  // namespace ncps::db
