// What an Inventory promises of what is written through it, of its sums, and of pins. Part of the contract.
#pragma once

#include "db/testing/inventory_contract.h"

namespace ncps::db {

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

TEST_P(InventoryContract, AClockThatIsFarAheadForAWhileRemovesNoCounts) {
  for (auto day : {"2030-06-01", "2099-01-01", "2099-01-01", "2030-06-02"}) {
    ASSERT_TRUE(run(inventory->add_counts({{day, "nar_hit", 1, 1}})));
    ASSERT_TRUE(run(inventory->add_upstream_counts({{day, "https://a", "fetched", 1, 1}})));
  }
  std::string days;
  for (const auto& one : run(inventory->counts(10)).value()) days += one.day + " ";
  EXPECT_EQ(days, "2099-01-01 2030-06-02 2030-06-01 ");
  EXPECT_EQ(run(inventory->upstream_counts(10)).value().at(0).number, 4u);
  // It stays so: that is the time.
  ASSERT_TRUE(run(inventory->add_counts({{"2099-01-02", "nar_hit", 1, 1}})));
  EXPECT_EQ(run(inventory->counts(10)).value().size(), 2u);
}

TEST_P(InventoryContract, CountsOfUpstreamsAddUp) {
  auto add = [&](std::string day, std::string upstream, std::string name, std::uint64_t bytes) {
    std::vector<UpstreamCount> counts;
    counts.push_back({std::move(day), std::move(upstream), std::move(name), 1, bytes});
    ASSERT_TRUE(run(inventory->add_upstream_counts(std::move(counts))));
  };
  EXPECT_TRUE(run(inventory->upstream_counts(10)).value().empty());
  add("2029-01-01", "https://a", "fetched", 1);
  add("2030-06-01", "https://a", "fetched", 20);
  add("2030-06-02", "https://a", "fetched", 5'000'000'000);
  add("2030-06-02", "https://A", "fetched", 3);
  add("2030-06-02", "https://a", "saved", 7);
  add("2030-06-02", "", "served", 9);
  auto all = [&](std::size_t days) {
    std::string text;
    for (const auto& one : run(inventory->upstream_counts(days)).value())
      text += fmt::format("{}|{} {} {}, ", one.upstream, one.name, one.number, one.bytes);
    return text;
  };
  EXPECT_NE(all(10).find("https://a|fetched 2 5000000020, "), std::string::npos) << all(10);
  EXPECT_NE(all(1).find("https://a|fetched 1 5000000000, "), std::string::npos) << all(1);
  for (auto part : {"https://A|fetched 1 3, ", "https://a|saved 1 7, ", "|served 1 9, "})
    EXPECT_NE(all(10).find(part), std::string::npos) << all(10);
}

TEST_P(InventoryContract, PinsComeInPagesAndOneByOne) {
  constexpr int kMany = 501;
  auto hash = [](int n) { return nix::StorePathHash::parse(name(n)).value(); };
  for (int n = kMany - 1; n >= 0; --n)
    ASSERT_TRUE(run(both.pins->add({hash(n), n % 2 == 0 ? "/nix/store/" + name(n) + "-x" : ""})));
  int seen = 0;
  for (std::string after;;) {
    auto page = run(inventory->pins(after)).value();
    for (const auto& pin : page.entries) {
      EXPECT_EQ(pin.hash, hash(seen));
      EXPECT_EQ(pin.store_path.empty(), seen++ % 2 != 0);
    }
    if (page.end) break;
    after = page.last;
  }
  EXPECT_EQ(seen, kMany);
  EXPECT_EQ(run(inventory->find_pin(hash(2))).value()->store_path, "/nix/store/" + name(2) + "-x");
  EXPECT_EQ(run(inventory->find_pin(hash(3))).value()->store_path, "");
  EXPECT_FALSE(run(inventory->find_pin(hash(kMany))).value());
}

}  // namespace ncps::db
