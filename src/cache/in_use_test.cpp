#include "cache/in_use.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ncps::cache {
namespace {

nix::NarUrl url(int number) {
  return nix::NarUrl::parse("nar/" + std::to_string(number) + ".nar.xz").value();
}

TEST(InUse, IsReadForAsLongAsOneTokenLives) {
  InUse in_use;
  EXPECT_FALSE(in_use.contains(url(1)));
  auto first = in_use.hold(url(1)), second = in_use.hold(url(1)), copy = second;
  for (auto* token : {&first, &second, &copy}) {
    EXPECT_TRUE(in_use.contains(url(1)));
    EXPECT_FALSE(in_use.contains(url(2)));
    *token = {};
  }
  EXPECT_FALSE(in_use.contains(url(1)));
}

TEST(InUse, WhatIsReadCountsAlwaysAndFewOfTheOthersDo) {
  constexpr std::size_t kMany = 5'000, kHalf = kMany / 2;
  InUse in_use;
  std::vector<InUse::Token> tokens;
  for (std::size_t i = 0; i < kMany; ++i) tokens.push_back(in_use.hold(url(static_cast<int>(i))));
  for (std::size_t i = 0; i < kMany; i += 2) tokens[i] = {};
  std::size_t falsely = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    bool read = in_use.contains(url(static_cast<int>(i)));
    if (i % 2 == 1) ASSERT_TRUE(read) << i;
    if (i % 2 == 0 && read) ++falsely;
  }
  EXPECT_LT(falsely, 2 * kHalf * kHalf / InUse::kCounters);
  tokens.clear();
  for (std::size_t i = 0; i < kMany; ++i)
    ASSERT_FALSE(in_use.contains(url(static_cast<int>(i)))) << i;
}

TEST(InUse, ATokenThatIsReplacedOrMovedCountsOnce) {
  InUse in_use;
  auto one = in_use.hold(url(1)), two = in_use.hold(url(2));
  auto& same = one;
  one = same;
  EXPECT_TRUE(in_use.contains(url(1)));
  one = std::move(two);
  EXPECT_FALSE(in_use.contains(url(1)));
  auto moved = std::move(one);
  EXPECT_TRUE(in_use.contains(url(2)));
  moved = {};
  EXPECT_FALSE(in_use.contains(url(2)));
}

TEST(InUse, ATokenMayOutliveIt) {
  auto in_use = std::make_unique<InUse>();
  auto one = in_use->hold(url(1)), same = in_use->hold(url(1));
  in_use.reset();
  one = {};
  same = {};
}

TEST(InUse, ManyThreadsHoldAndLetGoAtOnce) {
  InUse in_use;
  {
    std::vector<std::jthread> threads;
    for (int n = 0; n < 4; ++n)
      threads.emplace_back([&] {
        for (int i = 0; i < 2'000; ++i) {
          auto token = in_use.hold(url(i % 3));
          EXPECT_TRUE(in_use.contains(url(i % 3)));
        }
      });
  }
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(in_use.contains(url(i)));
}

}  // namespace
}  // namespace ncps::cache
