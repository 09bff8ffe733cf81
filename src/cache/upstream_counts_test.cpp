#include "cache/upstream_counts.h"

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

TEST_F(UpstreamCountsTest, NamesFitTheirColumn) {
  UpstreamCounts counts(catalog, *inventory);
  counts.fetched("https://\xc3\xbc" + std::string(300, 'x'), 1);
  ASSERT_TRUE(run(counts.write()));
  EXPECT_EQ(written(), "https://??" + std::string(245, 'x') + "|nar_fetched 1 1, ");
}

TEST_F(UpstreamCountsTest, MoreNarsThanAreRememberedAreNotAttributed) {
  UpstreamCounts counts(catalog, *inventory);
  for (std::size_t i = 0; i < UpstreamCounts::kMost + 5; ++i)
    counts.served(nix::NarUrl::parse("nar/x" + std::to_string(i) + ".nar").value(), "hit", 1);
  ASSERT_TRUE(run(counts.write()));
  EXPECT_NE(written().find("|nar_served 10000 10000, "), std::string::npos) << written();
}

}  // namespace
}  // namespace ncps::cache
