// What is remembered of the last time, and of no more than that.
#include "cache/recent.h"

#include <gtest/gtest.h>

#include "cache/doubtful_nars.h"
#include "cache/fetched_ahead.h"

namespace ncps::cache {
namespace {

TEST(RecentTest, TakesWhatWasPutOnce) {
  Recent<int, int> recent(4);
  EXPECT_TRUE(recent.put(1, 10));
  EXPECT_FALSE(recent.put(1, 11));
  EXPECT_EQ(recent.take(1), 11);
  EXPECT_EQ(recent.take(1), std::nullopt);
  EXPECT_TRUE(recent.put(1, 12));
}

TEST(RecentTest, ForgetsTheOldestNeverTheNewestHalf) {
  Recent<int, int> recent(10);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(recent.put(i, i));
    EXPECT_LE(recent.size(), 10u);
  }
  for (int i = 995; i < 1'000; ++i) EXPECT_EQ(recent.take(i), i);
  EXPECT_EQ(recent.take(989), std::nullopt);
}

TEST(RecentTest, WhatIsPutAgainIsYoungAgainAndThereOnce) {
  Recent<int, int> recent(4);
  recent.put(1, 1);
  recent.put(2, 2);
  recent.put(3, 3);  // 1 and 2 are old now
  EXPECT_FALSE(recent.put(1, 4));
  recent.put(5, 5);
  EXPECT_EQ(recent.take(1), 4);
  EXPECT_EQ(recent.take(1), std::nullopt);
}

nix::StorePathHash hash(char c) {
  return nix::StorePathHash::parse(std::string(nix::StorePathHash::kLength, c)).value();
}

TEST(FetchedAheadTest, WhatNobodyCameForMakesRoom) {
  FetchedAhead ahead(2);
  for (char c : {'a', 'b', 'c'}) ahead.put(hash(c), {.nar = {}, .references = {hash('d')}});
  EXPECT_TRUE(ahead.take(hash('c')));
  EXPECT_FALSE(ahead.take(hash('a')));
}

TEST(DoubtfulNarsTest, AFullMemoryStillTakesTheNextDoubt) {
  DoubtfulNars doubtful;
  auto url = [](int i) { return nix::NarUrl::parse("nar/" + std::to_string(i) + ".nar").value(); };
  for (int i = 0; i <= 10'000; ++i) doubtful.add(url(i));
  EXPECT_EQ(doubtful.additions(), 10'001u);
  EXPECT_TRUE(doubtful.take(url(10'000)));
  EXPECT_FALSE(doubtful.take(url(10'000)));
  EXPECT_FALSE(doubtful.take(url(0)));
}

}  // namespace
}  // namespace ncps::cache
