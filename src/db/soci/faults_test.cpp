// Each time that a catalog on a server speaks to it the connection breaks in turn: before the server
// hears of it, or after it has done it; once, or until it is mended.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

#include "db/soci/open_catalog.h"
#include "db/soci/testing/database_server.h"
#include "db/soci/testing/wire.h"
#include "db/upload_rows.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::Wire;

// What is written in one go of the test, under names of its own, and which steps were acknowledged.
struct Done {
  bool put = false, stored = false, used = false, pinned = false, unpinned = false;
  bool sent = false, told = false, removed = false;
  bool all() const {
    return put && stored && used && pinned && unpinned && sent && told && removed;
  }
};

struct Case {
  DatabaseKind kind;
  Wire::Cut cut;
};

class ServerFaults : public ::testing::TestWithParam<Case> {
 protected:
  template <class T>
  static Result<T> run(Task<T> task) {
    boost::asio::io_context own{1};
    return ncps::testing::run_sync(own, std::move(task));
  }

  static nix::StorePathHash hash_of(int n) {
    auto text = std::to_string(n);
    return nix::StorePathHash::parse(std::string(32 - text.size(), '0') + text).value();
  }
  static NarRow nar_of(int n) {
    auto url = "nar/" + std::to_string(n) + ".nar.xz";
    return {.url = nix::NarUrl::parse(url).value(),
            .nar_hash = nix::Hash(crypto::sha256(url)),
            .nar_size = 7,
            .compression = nix::Compression::xz,
            .upstream = n % 2 == 0 ? "https://cache.example" : "",
            .upstream_url = url};
  }
  static NarInfoRow narinfo_of(int n) {
    auto nar = nar_of(n);
    return {.hash = hash_of(n),
            .text = "text",
            .upstream = nar.upstream,
            .nar_url = nar.url,
            .uploaded = n % 2 != 0};
  }

  // Of an upstream's path (an even number), and of one that a client sends and removes.
  static Done work(Database& database, int n) {
    auto& catalog = *database.catalog;
    auto when = std::chrono::sys_days(std::chrono::January / 1 / 2030);
    auto ok = [](const auto& result) {
      if (!result)
        EXPECT_EQ(result.error().kind(), ErrorKind::unavailable) << result.error().what();
      return result.has_value();
    };
    Done done;
    auto before = run(catalog.find_narinfo(hash_of(n)));
    if (ok(before)) EXPECT_FALSE(*before);
    done.put = ok(run(catalog.put_narinfo(narinfo_of(n), nar_of(n))));
    done.stored = ok(run(catalog.mark_stored(nar_of(n).url, 9)));
    done.used =
        ok(run(catalog.note_uses({.narinfos = {hash_of(n)}, .nars = {nar_of(n).url}}, when)));
    auto found = run(catalog.find_narinfo(hash_of(n)));
    if (ok(found) && done.put) EXPECT_TRUE(*found) << "said to be absent";
    done.pinned = ok(run(database.pins->add({hash_of(n), "/nix/store/x"})));
    done.unpinned = done.pinned && ok(run(database.pins->remove(hash_of(n))));
    auto sent = nar_of(n + 1);
    sent.stored_size = 7;
    done.sent = ok(run(catalog.uploads().put_nar(sent)));
    done.told = ok(run(catalog.put_narinfo(narinfo_of(n + 1), nar_of(n + 1))));
    done.removed = ok(run(catalog.uploads().remove_narinfo(hash_of(n + 1))));
    return done;
  }

  // As the database says when nothing is in the way.
  void expect_nothing_half_done(const Done& done, int n) {
    auto& catalog = *direct.catalog;
    auto narinfo = run(catalog.find_narinfo(hash_of(n))).value();
    auto nar = run(catalog.find_nar(nar_of(n).url)).value();
    EXPECT_EQ(narinfo.has_value(), nar.has_value()) << "neither, or both";
    if (done.put) EXPECT_TRUE(narinfo) << "what was acknowledged is lost";
    if (narinfo) EXPECT_EQ(narinfo->text, "text");
    if (nar && done.put && done.stored) EXPECT_EQ(nar->stored_size, 9u);
    auto pins = run(direct.pins->list()).value();
    bool pinned = std::ranges::any_of(pins, [&](const Pin& pin) { return pin.hash == hash_of(n); });
    if (done.unpinned) EXPECT_FALSE(pinned);
    auto sent = run(catalog.find_nar(nar_of(n + 1).url)).value();
    auto told = run(catalog.find_narinfo(hash_of(n + 1))).value();
    if (told) EXPECT_TRUE(sent) << "neither, or both";
    if (told) EXPECT_TRUE(told->uploaded);
    if (done.removed) EXPECT_FALSE(told);
    if (done.removed && done.told) EXPECT_FALSE(sent) << "it goes with its last narinfo";
    // Whether a removal was done of which we did not hear may be either; but both or neither.
    if (done.told && !done.removed) EXPECT_EQ(told.has_value(), sent.has_value());
  }

  // Loops; returns how many turns there were.
  int loop(bool for_good) {
    int turns = 0;
    EXPECT_TRUE(work(*through, 2 * ++gone).all());  // connected, and whoever came before has left
    for (int n = 1;; ++n, ++turns) {
      SCOPED_TRACE("turn " + std::to_string(n));
      int names = 2 * ++gone;
      wire.cut_turn(n, GetParam().cut, for_good);
      auto done = work(*through, names);
      bool fired = wire.was_cut();
      wire.heal();
      if (!fired || !for_good) EXPECT_TRUE(done.all()) << "it is done again";
      if (fired && for_good) EXPECT_FALSE(done.all());
      expect_nothing_half_done(done, names);
      // Nobody tries for as long as the last try took.
      while (!run(through->catalog->find_narinfo(hash_of(names)))) std::this_thread::yield();
      EXPECT_TRUE(work(*through, 2 * ++gone).all()) << "the next one is well";
      if (!fired) break;
    }
    return turns;
  }

  DatabaseServer& server = DatabaseServer::of(GetParam().kind);
  const DatabaseUrl url = parse_database_url(server.fresh_database()).value();
  Database direct = open_database(url, {}).value();
  Wire wire{GetParam().kind, server.port()};
  std::optional<Database> through = [&] {
    auto there = url;
    there.port = static_cast<std::uint16_t>(wire.port());
    return open_database(there, {.open = 1, .idle = 1, .answering = std::chrono::seconds(60)})
        .value();
  }();
  int gone = 0;
};

INSTANTIATE_TEST_SUITE_P(PostgresQuestion, ServerFaults,
                         ::testing::Values(Case{DatabaseKind::postgresql, Wire::Cut::question}));
INSTANTIATE_TEST_SUITE_P(PostgresAnswer, ServerFaults,
                         ::testing::Values(Case{DatabaseKind::postgresql, Wire::Cut::answer}));
INSTANTIATE_TEST_SUITE_P(MysqlQuestion, ServerFaults,
                         ::testing::Values(Case{DatabaseKind::mysql, Wire::Cut::question}));
INSTANTIATE_TEST_SUITE_P(MysqlAnswer, ServerFaults,
                         ::testing::Values(Case{DatabaseKind::mysql, Wire::Cut::answer}));

TEST_P(ServerFaults, AConnectionThatBreaksOnceAtAnyTurnCostsNoCall) {
  EXPECT_GT(loop(false), 10);
}

TEST_P(ServerFaults, AServerThatGoesAwayAtAnyTurnLeavesNothingHalfDone) {
  EXPECT_GT(loop(true), 10);
}

// What is dropped and not said to be would stay in the store, and nobody would count it.
TEST_P(ServerFaults, WhatIsDroppedIsSaidToBeWhereverTheConnectionBreaks) {
  auto when = std::chrono::sys_days(std::chrono::January / 1 / 2030);
  for (bool fired = true; fired;) {
    int n = 2 * ++gone;
    SCOPED_TRACE("turn " + std::to_string(gone));
    auto key = "store/log/" + std::to_string(n);
    for (int i : {n, n + 1}) {
      ASSERT_TRUE(run(direct.catalog->put_narinfo(narinfo_of(i), nar_of(i))));
    }
    ASSERT_TRUE(run(direct.catalog->mark_stored(nar_of(n).url, 9)));
    ASSERT_TRUE(run(direct.eviction->note_objects({{key, 7}}, when)));
    auto nars = run(direct.eviction->nars({}, 10, when)).value();
    auto narinfos = run(direct.eviction->narinfos({}, 10)).value();
    auto objects = run(direct.eviction->objects({}, 10)).value();
    std::erase_if(narinfos, [&](const auto& one) { return one.nar_at_rest; });
    ASSERT_EQ(nars.size(), 1u);
    ASSERT_EQ(narinfos.size(), 1u);
    ASSERT_EQ(objects.size(), 1u);
    ASSERT_TRUE(run(through->catalog->find_narinfo(hash_of(n))));  // it is connected
    wire.cut_turn(gone, GetParam().cut, false);
    EXPECT_TRUE(run(through->eviction->drop(nars[0])).value());
    EXPECT_TRUE(run(through->eviction->drop(narinfos[0])).value());
    EXPECT_TRUE(run(through->eviction->drop(objects[0])).value());
    fired = wire.was_cut();
    wire.heal();
    auto totals = run(direct.eviction->totals()).value();
    EXPECT_EQ(totals.nars + totals.narinfos + totals.objects, 0u);
  }
  EXPECT_GT(gone, 5);
}

}  // namespace
}  // namespace ncps::db
