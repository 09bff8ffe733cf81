// What an Inventory promises.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "crypto/sha256.h"
#include "db/inventory.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {

// A catalog and an inventory of the same rows.
struct Both {
  std::shared_ptr<Catalog> catalog;
  std::shared_ptr<Inventory> inventory;
};

class InventoryContract : public ::testing::TestWithParam<std::function<Both()>> {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }
  static Time at(int minute) {
    return std::chrono::sys_days(std::chrono::January / 1 / 2030) + std::chrono::minutes(minute);
  }
  static nix::NarUrl url(const std::string& stem) {
    return nix::NarUrl::parse("nar/" + stem + ".nar.xz").value();
  }
  static NarRow row(const std::string& stem) {
    return {.url = url(stem),
            .nar_hash = nix::Hash(crypto::sha256(stem)),
            .nar_size = 5'000'000'000,
            .compression = nix::Compression::xz,
            .file_hash = nix::Hash(crypto::sha256("file " + stem)),
            .file_size = 77,
            .upstream = "https://a.example",
            .upstream_url = "nar/there.nar.xz",
            .stored_size = {}};
  }
  // The n-th narinfo, with its NAR.
  static std::string name(int n) { return fmt::format("{:032}", n); }
  void add(int n) {
    auto nar = row(name(n));
    NarInfoRow narinfo{.hash = nix::StorePathHash::parse(name(n)).value(),
                       .text = "text " + name(n),
                       .upstream = nar.upstream,
                       .nar_url = nar.url};
    ASSERT_TRUE(run(catalog->put_narinfo(narinfo, nar)));
  }

  boost::asio::io_context io{1};
  Both both = GetParam()();
  Catalog* catalog = both.catalog.get();
  Inventory* inventory = both.inventory.get();
};

TEST_P(InventoryContract, AnEmptyOneHasOnePageWithoutEntries) {
  auto narinfos = run(inventory->narinfos("")).value();
  EXPECT_TRUE(narinfos.entries.empty() && narinfos.end);
  auto nars = run(inventory->nars("")).value();
  EXPECT_TRUE(nars.entries.empty() && nars.end);
  EXPECT_EQ(run(inventory->totals()).value().narinfos, 0u);
  EXPECT_TRUE(run(inventory->counts(30)).value().empty());
}

TEST_P(InventoryContract, PagesHaveAllRowsInOrderWithoutGapOrRepetition) {
  constexpr int kMany = 501;
  for (int n = kMany - 1; n >= 0; --n) add(n);
  std::vector<std::string> narinfos, nars;
  for (std::string after;;) {
    auto page = run(inventory->narinfos(after)).value();
    for (const auto& entry : page.entries) {
      EXPECT_TRUE(entry.has_text);
      EXPECT_EQ(entry.nar_url, url(entry.hash));
      narinfos.push_back(entry.hash);
    }
    if (page.end) break;
    after = page.last;
  }
  for (std::string after;;) {
    auto page = run(inventory->nars(after)).value();
    for (const auto& entry : page.entries) nars.emplace_back(entry.row.url.stem());
    if (page.end) break;
    after = page.last;
  }
  ASSERT_EQ(narinfos.size(), std::size_t(kMany));
  for (int n = 0; n < kMany; ++n) EXPECT_EQ(narinfos[n], name(n));
  EXPECT_EQ(nars, narinfos);
}

TEST_P(InventoryContract, ARowComesAsItWasPut) {
  add(1);
  auto found = run(inventory->find_nar(url(name(1)))).value();
  ASSERT_TRUE(found);
  auto expected = row(name(1));
  EXPECT_EQ(found->row.nar_hash, expected.nar_hash);
  EXPECT_EQ(found->row.nar_size, expected.nar_size);
  EXPECT_EQ(found->row.file_hash, expected.file_hash);
  EXPECT_EQ(found->row.file_size, expected.file_size);
  EXPECT_EQ(found->row.upstream_url, expected.upstream_url);
  EXPECT_EQ(found->row.stored_size, std::nullopt);
  EXPECT_EQ(found->verified, std::nullopt);
  EXPECT_EQ(run(inventory->find_text(name(1))).value(), "text " + name(1));
  EXPECT_TRUE(run(inventory->find_narinfo(name(1))).value());
  EXPECT_FALSE(run(inventory->find_narinfo(name(2))).value());
  EXPECT_FALSE(run(inventory->find_text(name(2))).value());
  EXPECT_FALSE(run(inventory->find_nar(url("none"))).value());
}

TEST_P(InventoryContract, WhatIsStoredIsVerifiedThenAndWhatIsOnlyFoundIsNot) {
  for (int n = 0; n < 4; ++n) add(n);
  ASSERT_TRUE(run(catalog->mark_stored(url(name(0)), 10)));
  ASSERT_TRUE(run(inventory->mark_stored(url(name(1)), 11)));
  ASSERT_TRUE(run(inventory->mark_stored(url(name(2)), 5'000'000'000)));
  auto least = [&](std::size_t most, Time before) {
    std::string text;
    for (const auto& entry : run(inventory->least_verified(most, before)).value())
      text += entry.row.url.stem().back() + std::to_string(*entry.row.stored_size) + " ";
    return text;
  };
  ASSERT_TRUE(run(inventory->mark_verified({url(name(2)), url("none")}, at(1))));
  EXPECT_EQ(least(10, at(5)), "111 010 25000000000 ");
  EXPECT_EQ(least(2, at(5)), "111 010 ");
  EXPECT_EQ(least(10, at(1)), "111 010 ");  // not since then
  ASSERT_TRUE(run(inventory->mark_gone(url(name(1)))));
  EXPECT_EQ(least(10, at(5)), "010 25000000000 ");
  EXPECT_EQ(run(inventory->find_nar(url(name(2)))).value()->verified, at(1));
  auto gone = run(inventory->find_nar(url(name(1)))).value();
  EXPECT_TRUE(gone && !gone->row.stored_size);
}

TEST_P(InventoryContract, ANarWithoutNarinfoGetsARowAndAnOldOneStays) {
  auto nar = row("alone");
  nar.stored_size = 99;
  ASSERT_TRUE(run(inventory->add_nar(nar)));
  EXPECT_EQ(run(catalog->find_nar(nar.url)).value()->stored_size, 99u);
  nar.stored_size = 100;
  ASSERT_TRUE(run(inventory->add_nar(nar)));
  EXPECT_EQ(run(catalog->find_nar(nar.url)).value()->stored_size, 99u);
}

TEST_P(InventoryContract, ANarinfoIsForgottenOnlyIfItIsWhatWasSeen) {
  add(1);
  ASSERT_TRUE(run(inventory->remove_narinfo(name(1), std::nullopt)));
  ASSERT_TRUE(run(inventory->remove_narinfo(name(1), "another text")));
  EXPECT_TRUE(run(inventory->find_narinfo(name(1))).value());
  ASSERT_TRUE(run(inventory->remove_narinfo(name(1), "text " + name(1))));
  EXPECT_FALSE(run(inventory->find_narinfo(name(1))).value());
  EXPECT_TRUE(run(inventory->find_nar(url(name(1)))).value());  // the way to fetch it again
}

TEST_P(InventoryContract, TotalsAddUp) {
  for (int n = 0; n < 12; ++n) {
    add(n);
    if (n > 0) ASSERT_TRUE(run(catalog->mark_stored(url(name(n)), n)));
  }
  auto totals = run(inventory->totals()).value();
  EXPECT_EQ(totals.narinfos, 12u);
  ASSERT_EQ(totals.upstreams.size(), 1u);
  EXPECT_EQ(totals.upstreams[0].upstream, "https://a.example");
  EXPECT_EQ(totals.upstreams[0].announced, 12u);
  EXPECT_EQ(totals.upstreams[0].at_rest, 11u);
  EXPECT_EQ(totals.upstreams[0].bytes, 66u);
  std::uint64_t bytes = 0;
  for (const auto& day : totals.days) {  // two, at midnight
    EXPECT_EQ(day.day.size(), 10u);
    bytes += day.bytes;
  }
  EXPECT_EQ(bytes, 66u);
  ASSERT_EQ(totals.largest.size(), Totals::kExamples);
  EXPECT_EQ(totals.largest[0].nar.size, 11u);
  EXPECT_EQ(totals.largest[0].nar.url, url(name(11)));
  EXPECT_EQ(totals.oldest.size(), Totals::kExamples);
  EXPECT_GT(totals.oldest[0].created, Time());
}

TEST_P(InventoryContract, CountsAddUpByDayAndOldOnesGo) {
  auto add = [&](std::string day, std::string name, std::uint64_t number, std::uint64_t bytes) {
    std::vector<DailyCount> counts;
    counts.push_back({std::move(day), std::move(name), number, bytes});
    ASSERT_TRUE(run(inventory->add_counts(std::move(counts))));
  };
  add("2029-01-01", "nar_hit", 1, 1);
  add("2030-06-01", "nar_hit", 2, 20);
  add("2030-06-02", "nar_hit", 1, 5'000'000'000);
  add("2030-06-02", "nar_hit", 2, 7);
  add("2030-06-02", "nar_miss", 1, 1);
  std::string all;
  for (const auto& one : run(inventory->counts(10)).value())
    all += fmt::format("{} {} {} {}, ", one.day, one.name, one.number, one.bytes);
  EXPECT_EQ(all,
            "2030-06-02 nar_hit 3 5000000007, 2030-06-02 nar_miss 1 1, 2030-06-01 nar_hit 2 20, ");
  EXPECT_EQ(run(inventory->counts(1)).value().size(), 2u);
}

}  // namespace ncps::db
