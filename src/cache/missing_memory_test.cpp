// What MissingMemory remembers, and when it must not.
#include "cache/missing_memory.h"

#include <gtest/gtest.h>

#include "cache/hedge_budget.h"

namespace ncps::cache {
namespace {

using namespace std::chrono_literals;

nix::StorePathHash hash(int n) {
  std::string text = std::to_string(n);
  return nix::StorePathHash::parse(std::string(32 - text.size(), 'a') + text).value();
}

struct MissingMemoryTest : ::testing::Test {
  MissingMemory memory{60s, 3};
  MissingMemory::Clock::time_point now{1h};
  bool has(int n, std::uint64_t returns = 0) {
    return memory.has(hash(n), memory.world(returns), now);
  }
  void put(int n, std::uint64_t returns = 0) { memory.put(hash(n), memory.world(returns), now); }
};

TEST_F(MissingMemoryTest, RemembersForItsTimeAndNoLonger) {
  EXPECT_FALSE(has(1));
  put(1);
  EXPECT_TRUE(has(1));
  EXPECT_FALSE(has(2));
  now += 59'999ms;
  EXPECT_TRUE(has(1));
  now += 1ms;
  EXPECT_FALSE(has(1));
}

TEST_F(MissingMemoryTest, ForgetsAllWhenUpstreamsChangeOrComeBack) {
  put(1);
  memory.forget_all();
  EXPECT_FALSE(has(1));
  put(1);
  EXPECT_FALSE(has(1, 1));
  EXPECT_FALSE(has(1, 0)) << "what was found to be out of date stays away";
}

TEST_F(MissingMemoryTest, WhatWasAskedInAnotherWorldIsNotRemembered) {
  auto before = memory.world(0);
  memory.forget_all();
  memory.put(hash(1), before, now);
  EXPECT_FALSE(has(1));
}

TEST_F(MissingMemoryTest, IsBoundedAndDropsWhatIsOutOfDateFirst) {
  put(1);
  put(2);
  now += 30s;
  put(3);
  now += 30s;
  put(4);
  EXPECT_TRUE(has(3));
  EXPECT_TRUE(has(4));
  put(5);
  put(6);  // full of what still holds: all goes, rather than growing
  EXPECT_TRUE(has(6));
  int left = 0;
  for (int n = 1; n <= 6; ++n) left += has(n);
  EXPECT_LE(left, 3);
}

TEST_F(MissingMemoryTest, WithoutTimeRemembersNothing) {
  memory.set_ttl(0s);
  put(1);
  EXPECT_FALSE(has(1));
}

TEST(HedgeBudget, StaysBelowOneInTenInTheLongRun) {
  HedgeBudget budget;
  int extra = 0;
  for (int i = 0; i < 1'000; ++i) {
    budget.earn();
    if (!budget.left()) continue;
    budget.spend();
    ++extra;
  }
  EXPECT_GT(extra, 70);
  EXPECT_LT(extra, 100);
}

TEST(HedgeBudget, AllowsAFewAtOnceAndIsPaidBack) {
  HedgeBudget budget;
  for (int i = 0; i < 1'000; ++i) budget.earn();
  int burst = 0;
  for (; budget.left(); ++burst) budget.spend();
  EXPECT_EQ(burst, 10);
  for (int i = 0; i < 5; ++i) budget.spend();  // patience asks whatever the budget says
  for (int i = 0; i < 60; ++i) budget.earn();
  EXPECT_FALSE(budget.left());
  for (int i = 0; i < 20; ++i) budget.earn();
  EXPECT_TRUE(budget.left());
}

}  // namespace
}  // namespace ncps::cache
