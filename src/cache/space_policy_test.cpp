#include "cache/space_policy.h"

#include <gtest/gtest.h>

#include "cache/oldest_first.h"

namespace ncps::cache {
namespace {

using storage::FreeSpace;

struct FreeCase {
  const char* what;
  SpaceLimits limits;
  SpaceUse use;
  Why why;
  std::uint64_t bytes;
};

TEST(SpacePolicy, ARoundBeginsAboveTheLimitAndGoesBelowIt) {
  const SpaceLimits none, thousand{.max_size = 1000, .min_free = {}};
  const SpaceLimits free_100{.max_size = 0, .min_free = {.bytes = 100, .percent = 0}};
  const SpaceLimits free_10{.max_size = 0, .min_free = {.bytes = 0, .percent = 10}};
  const SpaceLimits both{.max_size = 1000, .min_free = {.bytes = 100, .percent = 0}};
  auto disk = [](std::uint64_t free) { return FreeSpace{.free = free, .capacity = 10'000}; };
  const FreeCase cases[] = {
      {"no limit", none, {.kept = 1'000'000}, Why::needed, 0},
      {"no limit, by the clock", none, {.kept = 1'000'000}, Why::scheduled, 0},
      {"at the limit", thousand, {.kept = 1000}, Why::needed, 0},
      {"above it", thousand, {.kept = 1001}, Why::needed, 51},
      {"somebody waits, and fits", thousand, {.kept = 900, .wanted = 100}, Why::needed, 0},
      {"somebody waits", thousand, {.kept = 901, .wanted = 100}, Why::needed, 51},
      {"he wants nearly all", thousand, {.kept = 1000, .wanted = 990}, Why::needed, 990},
      {"he wants more than all", thousand, {.kept = 1000, .wanted = 5000}, Why::needed, 1000},
      {"by the clock, ahead", thousand, {.kept = 960}, Why::scheduled, 10},
      {"by the clock, not needed", thousand, {.kept = 950}, Why::scheduled, 0},
      {"nothing is kept", thousand, {.kept = 0, .wanted = 1001}, Why::needed, 0},
      {"no disk to watch", free_100, {.kept = 5000}, Why::needed, 0},
      {"enough is free", free_100, {.kept = 5000, .disk = disk(100)}, Why::needed, 0},
      {"too little is free", free_100, {.kept = 5000, .disk = disk(99)}, Why::needed, 101},
      {"no more than is kept", free_100, {.kept = 7, .disk = disk(0)}, Why::needed, 7},
      {"in percent", free_10, {.kept = 5000, .disk = disk(999)}, Why::needed, 101},
      {"in percent, enough", free_10, {.kept = 5000, .disk = disk(1000)}, Why::needed, 0},
      {"the larger of both", both, {.kept = 1001, .disk = disk(0)}, Why::needed, 200},
      {"the disk was full",
       none,
       {.kept = 5000, .disk_wanted = 300, .disk = disk(10)},
       Why::needed,
       390},
      {"it has room again",
       none,
       {.kept = 5000, .disk_wanted = 300, .disk = disk(300)},
       Why::needed,
       0},
      {"full, above what is to be free",
       free_100,
       {.kept = 5000, .disk_wanted = 300, .disk = disk(350)},
       Why::needed,
       150},
  };
  for (const auto& one : cases)
    EXPECT_EQ(to_free(one.limits, one.use, one.why), one.bytes) << one.what;
}

TEST(SpacePolicy, WhatIsAsLargeAsAnIntegerOverflowsNothing) {
  constexpr auto kAll = ~0ULL >> 1;
  const SpaceLimits limits{.max_size = kAll, .min_free = {.bytes = kAll, .percent = 0}};
  EXPECT_FALSE(fits(limits, {.kept = kAll}, 1));
  EXPECT_TRUE(fits(limits, {.kept = 0}, kAll));
  EXPECT_FALSE(fits(limits, {.kept = kAll}, kAll));
  EXPECT_LE(to_free(limits, {.kept = kAll, .wanted = 1, .disk = FreeSpace{0, kAll}}, Why::needed),
            kAll);
}

TEST(SpacePolicy, WhatFitsIsPublished) {
  const SpaceLimits limit{.max_size = 100, .min_free = {}};
  EXPECT_TRUE(fits({}, {.kept = 1000}, 1000));
  EXPECT_TRUE(fits(limit, {.kept = 60}, 40));
  EXPECT_FALSE(fits(limit, {.kept = 61}, 40));
  EXPECT_FALSE(fits(limit, {.kept = 101}, 0));
  const SpaceLimits free{.max_size = 0, .min_free = {.bytes = 10, .percent = 0}};
  EXPECT_TRUE(fits(free, {.disk = FreeSpace{10, 100}}, 1000)) << "its bytes lie there already";
  EXPECT_FALSE(fits(free, {.disk = FreeSpace{9, 100}}, 0));
  EXPECT_TRUE(fits(free, {}, 5));
}

TEST(SpacePolicy, AFileSystemThatIsToBeWhollyFreeIsEmptyAtBest) {
  EXPECT_EQ((MinFree{.bytes = 1000, .percent = 0}.of(10)), 10u);
  EXPECT_EQ((MinFree{.bytes = 10, .percent = 50}.of(1000)), 500u);
}

TEST(OldestFirst, TheOldestOfThreeGoesFirstAndOfEqualsTheFirst) {
  db::Place a{.used = "2030-01-01 00:00:01", .id = 9}, b{.used = "2030-01-01 00:00:02", .id = 1};
  EXPECT_EQ(oldest_of(nullptr, nullptr, nullptr), std::nullopt);
  EXPECT_EQ(oldest_of(&b, &a, nullptr), 1u);
  EXPECT_EQ(oldest_of(&b, nullptr, &a), 2u);
  EXPECT_EQ(oldest_of(&a, &a, &a), 0u);
  EXPECT_EQ(oldest_of(nullptr, nullptr, &b), 2u);
}

}  // namespace
}  // namespace ncps::cache
