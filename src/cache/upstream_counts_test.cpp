#include "cache/upstream_counts.h"

#include <thread>
#include <vector>

#include "cache/testing/care_fixture.h"

namespace ncps::cache {
namespace {

struct UpstreamCountsTest : CareFixture {
  // "upstream|name number bytes, ", in the order of the database.
  std::string written() {
    std::string text;
    for (const auto& one : run(inventory->upstream_counts(10)).value())
      text += one.upstream + "|" + one.name + " " + std::to_string(one.number) + " " +
              std::to_string(one.bytes) + ", ";
    return text;
  }
};

TEST_F(UpstreamCountsTest, WhatIsServedIsOfWhomItOnceCameFrom) {
  auto sample = keep("a", 1'000);
  auto from = run(catalog.find_nar(sample.url())).value()->upstream;
  UpstreamCounts counts(catalog, *inventory);
  counts.fetched("https://b", 500);
  counts.served(sample.url(), "miss", 10);
  counts.served(sample.url(), "hit", 20);
  counts.served(sample.url(), "inflight", 30);
  counts.served(nix::NarUrl::parse("nar/unknown.nar").value(), "hit", 7);
  EXPECT_EQ(written(), "");
  ASSERT_TRUE(run(counts.write()));
  ASSERT_TRUE(run(counts.write()));  // nothing more
  auto text = written();
  for (const auto& part : {from + "|nar_served 3 60, ", from + "|nar_saved 2 50, ",
                           std::string("https://b|nar_fetched 1 500, "),
                           std::string("|nar_served 1 7, "), std::string("|nar_saved 1 7, ")})
    EXPECT_NE(text.find(part), text.npos) << part << " in " << text;
}

TEST_F(UpstreamCountsTest, AreOfAllThreadsTogether) {
  auto sample = keep("a", 1'000);
  UpstreamCounts counts(catalog, *inventory);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 100; ++n) counts.served(sample.url(), "hit", 3);
    });
  threads.clear();
  ASSERT_TRUE(run(counts.write()));
  EXPECT_NE(written().find("|nar_served 800 2400, "), std::string::npos) << written();
}

TEST_F(UpstreamCountsTest, WhatCannotBeWrittenIsWrittenLater) {
  auto sample = keep("a", 1'000);
  UpstreamCounts counts(catalog, *inventory);
  counts.served(sample.url(), "hit", 3);
  counts.served(nix::NarUrl::parse("nar/unknown.nar").value(), "hit", 7);
  faults.fail_always("find_nar");
  EXPECT_FALSE(run(counts.write()));
  faults.heal();
  counts.served(sample.url(), "hit", 3);
  ASSERT_TRUE(run(counts.write()));
  auto text = written();
  EXPECT_NE(text.find("|nar_served 2 6, "), text.npos) << text;
  EXPECT_NE(text.find("|nar_served 1 7, "), text.npos) << text;
}

TEST_F(UpstreamCountsTest, WhileTheDatabaseIsAwayNoMoreThanABoundIsKept) {
  UpstreamCounts counts(catalog, *inventory);
  faults.fail_always("find_nar");
  constexpr auto kRounds = UpstreamCounts::kMostWaiting / UpstreamCounts::kMostOfThread + 2;
  for (std::size_t i = 0; i < kRounds * UpstreamCounts::kMostOfThread; ++i) {
    counts.served(nix::NarUrl::parse("nar/x" + std::to_string(i) + ".nar").value(), "hit", 1);
    if ((i + 1) % UpstreamCounts::kMostOfThread == 0) EXPECT_FALSE(run(counts.write()));
  }
  faults.heal();
  ASSERT_TRUE(run(counts.write()));
  EXPECT_NE(written().find("|nar_served 10000 10000, "), std::string::npos) << written();
}

TEST_F(UpstreamCountsTest, NamesFitTheirColumn) {
  UpstreamCounts counts(catalog, *inventory);
  counts.fetched("https://\xc3\xbc" + std::string(300, 'x'), 1);
  ASSERT_TRUE(run(counts.write()));
  EXPECT_EQ(written(), "https://??" + std::string(245, 'x') + "|nar_fetched 1 1, ");
}

TEST_F(UpstreamCountsTest, MoreNarsThanAreRememberedAreNotAttributed) {
  UpstreamCounts counts(catalog, *inventory);
  for (std::size_t i = 0; i < UpstreamCounts::kMostOfThread + 5; ++i)
    counts.served(nix::NarUrl::parse("nar/x" + std::to_string(i) + ".nar").value(), "hit", 1);
  ASSERT_TRUE(run(counts.write()));
  EXPECT_NE(written().find("|nar_served 2000 2000, "), std::string::npos) << written();
}

}  // namespace
}  // namespace ncps::cache
