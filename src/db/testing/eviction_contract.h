// What every Eviction and every Pins promises, as a suite that each implementation instantiates.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "crypto/sha256.h"
#include "db/database.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {

using DatabaseFactory = std::function<std::shared_ptr<Database>()>;

class EvictionContract : public ::testing::TestWithParam<DatabaseFactory> {
 protected:
  static std::chrono::sys_seconds at(int minute) {
    return std::chrono::sys_days(std::chrono::January / 1 / 2030) + std::chrono::minutes(minute);
  }
  static nix::StorePathHash hash(char c) {
    return nix::StorePathHash::parse(std::string(nix::StorePathHash::kLength, c)).value();
  }
  static nix::NarUrl url(char c) {
    return nix::NarUrl::parse(std::string("nar/") + c + ".nar.xz").value();
  }
  static NarRow row(char c, std::string upstream = "https://cache.example") {
    return {.url = url(c),
            .nar_hash = nix::Hash(crypto::sha256(std::string(1, c))),
            .nar_size = 10,
            .compression = nix::Compression::xz,
            .file_hash = {},
            .file_size = {},
            .upstream = std::move(upstream),
            .upstream_url = "nar/x.nar.xz",
            .stored_size = {}};
  }
  // Narinfo `c`, which leads to NAR `of`.
  void announce(char c, char of, std::string upstream = "https://cache.example") {
    auto nar = row(of, std::move(upstream));
    NarInfoRow info{.hash = hash(c), .text = "t", .upstream = nar.upstream, .nar_url = nar.url};
    ASSERT_TRUE(run(database->catalog->put_narinfo(info, nar)));
  }
  void store(char c, std::uint64_t size, int minute) {
    ASSERT_TRUE(run(database->catalog->mark_stored(url(c), size)));
    use_nar(c, minute);
  }
  void use_nar(char c, int minute) {
    ASSERT_TRUE(run(database->catalog->note_uses({.narinfos = {}, .nars = {url(c)}}, at(minute))));
  }
  void use_narinfo(char c, int minute) {
    ASSERT_TRUE(run(database->catalog->note_uses({.narinfos = {hash(c)}, .nars = {}}, at(minute))));
  }

  std::vector<KeptNar> nars(std::size_t most = 100) {
    return run(database->eviction->nars({}, most, at(0))).value();
  }
  std::vector<KeptNarInfo> narinfos() { return run(database->eviction->narinfos({}, 100)).value(); }
  // "b:2[bc] a:1[a]": NARs, the least used first, with their sizes and narinfos.
  std::string listed() {
    std::string text;
    for (const auto& nar : nars()) {
      text += std::string(nar.url.stem()) + ":" + std::to_string(nar.size) + "[";
      for (const auto& hash : nar.narinfos) text += hash.str()[0];
      text += "] ";
    }
    return text;
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  boost::asio::io_context io{1};
  std::shared_ptr<Database> database = GetParam()();
};

TEST_P(EvictionContract, OfNothingTheTotalIsNothing) {
  auto totals = run(database->eviction->totals()).value();
  EXPECT_EQ(totals.nars + totals.nar_bytes + totals.narinfos + totals.objects, 0u);
  EXPECT_EQ(listed(), "");
  EXPECT_TRUE(run(database->eviction->objects({}, 10)).value().empty());
}

TEST_P(EvictionContract, TheTotalIsOfWhatIsAtRestAndASharedNarCountsOnce) {
  announce('a', 'a'), announce('b', 'a'), announce('c', 'c'), announce('d', 'd');
  store('a', 5'000'000'000, 1), store('c', 3, 2);
  ASSERT_TRUE(
      run(database->eviction->note_objects({{"store/log/x", 7}, {"store/log/y", 8}}, at(1))));
  auto totals = run(database->eviction->totals()).value();
  EXPECT_EQ(totals.nars, 2u);
  EXPECT_EQ(totals.nar_bytes, 5'000'000'003u);
  EXPECT_EQ(totals.narinfos, 4u);
  EXPECT_EQ(totals.objects, 2u);
  EXPECT_EQ(totals.object_bytes, 15u);
}

TEST_P(EvictionContract, AUnitIsAsOldAsItsLatestUse) {
  announce('a', 'a'), announce('b', 'b'), announce('c', 'b');
  store('a', 1, 2), store('b', 2, 1);
  EXPECT_EQ(listed(), "b:2[bc] a:1[a] ");
  use_narinfo('c', 3);
  EXPECT_EQ(listed(), "a:1[a] b:2[bc] ");
}

TEST_P(EvictionContract, OnlyWhatIsAtRestIsListed) {
  announce('a', 'a'), announce('b', 'b');
  use_nar('a', 1);
  store('b', 5'000'000'000, 2);
  EXPECT_EQ(listed(), "b:5000000000[b] ");
}

TEST_P(EvictionContract, WhatWasUsedLongestAgoComesFirst) {
  for (char c : {'a', 'b', 'c'}) announce(c, c), store(c, 1, 9);
  use_nar('a', 3), use_narinfo('b', 1);
  // Of what is not known there is nothing to note; the rest of it counts.
  ASSERT_TRUE(
      run(database->catalog->note_uses({.narinfos = {hash('x')}, .nars = {url('c')}}, at(2))));
  EXPECT_EQ(listed(), "b:1[b] c:1[c] a:1[a] ");
  EXPECT_EQ(nars(2).size(), 2u);
}

TEST_P(EvictionContract, StoringIsAUse) {
  announce('a', 'a'), announce('b', 'b');
  store('b', 1, 1);
  use_nar('a', -1'000'000'0), use_nar('b', -900'000'0);  // years ago
  ASSERT_TRUE(run(database->catalog->mark_stored(url('a'), 1)));
  EXPECT_EQ(listed(), "b:1[b] a:1[a] ");
}

TEST_P(EvictionContract, PagesHaveNeitherGapsNorRepetitionsAlsoWithEqualTimes) {
  std::string all = "abcdfghijk";
  for (char c : all) announce(c, c), store(c, 1, c < 'g' ? 1 : 2);
  std::string seen;
  for (Place after;;) {
    auto page = run(database->eviction->nars(after, 3, at(0))).value();
    if (page.empty()) break;
    for (const auto& nar : page) seen += nar.url.stem();
    after = page.back().place;
  }
  EXPECT_EQ(seen, all);
  seen.clear();
  for (Place after;;) {
    auto page = run(database->eviction->narinfos(after, 3)).value();
    if (page.empty()) break;
    for (const auto& info : page) seen += info.hash.str()[0];
    after = page.back().place;
  }
  EXPECT_EQ(seen, all);
}

TEST_P(EvictionContract, WhatIsDroppedLeavesTheWayToIt) {
  announce('a', 'a'), announce('b', 'a'), announce('c', 'c');
  store('a', 1, 1), store('c', 2, 2);
  EXPECT_TRUE(run(database->eviction->drop(nars()[0])).value());
  EXPECT_EQ(listed(), "c:2[c] ");
  EXPECT_FALSE(run(database->catalog->find_narinfo(hash('a'))).value());
  EXPECT_FALSE(run(database->catalog->find_narinfo(hash('b'))).value());
  EXPECT_TRUE(run(database->catalog->find_narinfo(hash('c'))).value());
  auto row = run(database->catalog->find_nar(url('a'))).value();
  ASSERT_TRUE(row);
  EXPECT_EQ(row->stored_size, std::nullopt);
  EXPECT_EQ(row->upstream_url, "nar/x.nar.xz");
}

TEST_P(EvictionContract, WhatWasUsedSinceItWasListedStays) {
  announce('a', 'a');
  store('a', 1, 1);
  ASSERT_TRUE(run(database->eviction->note_objects({{"store/log/x", 7}}, at(1))));
  auto nar = nars()[0];
  auto info = narinfos()[0];
  auto object = run(database->eviction->objects({}, 10)).value().at(0);
  EXPECT_EQ(object.key, "store/log/x");
  EXPECT_EQ(object.size, 7u);
  use_narinfo('a', 2);
  ASSERT_TRUE(run(database->eviction->note_objects({{"store/log/x", 9}}, at(2))));
  EXPECT_FALSE(run(database->eviction->drop(nar)).value());
  EXPECT_FALSE(run(database->eviction->drop(info)).value());
  EXPECT_FALSE(run(database->eviction->drop(object)).value());
  EXPECT_EQ(listed(), "a:1[a] ");
  EXPECT_TRUE(run(database->catalog->find_narinfo(hash('a'))).value());
  EXPECT_EQ(run(database->eviction->totals()).value().object_bytes, 9u);
}

TEST_P(EvictionContract, ANarThatGotAnotherNarInfoStaysWithBoth) {
  announce('a', 'a');
  store('a', 1, 1);
  auto nar = nars()[0];
  announce('b', 'a');
  EXPECT_FALSE(run(database->eviction->drop(nar)).value());
  EXPECT_EQ(listed(), "a:1[ab] ");
  EXPECT_TRUE(run(database->eviction->drop(nars()[0])).value());
  EXPECT_FALSE(run(database->eviction->drop(nar)).value()) << "it is gone";
}

}  // namespace ncps::db
