#include "storage/cached/hot_set.h"

#include <gtest/gtest.h>

#include <random>

namespace ncps::storage {
namespace {

using Removed = std::vector<std::string>;

// Asked for until it is copied.
Removed copy(HotSet& hot, const std::string& key, std::uint64_t size) {
  auto removed = hot.want(key, size);
  if (!removed) removed = hot.want(key, size);
  EXPECT_TRUE(removed) << key;
  EXPECT_TRUE(hot.copied(key)) << key;
  return removed.value_or(Removed());
}

TEST(HotSet, CopiesWhatIsAskedForTheSecondTime) {
  HotSet hot(100);
  EXPECT_EQ(hot.want("a", 10), std::nullopt);
  EXPECT_EQ(hot.use("a"), std::nullopt);
  EXPECT_EQ(hot.want("a", 10), Removed());
  EXPECT_EQ(hot.use("a"), std::nullopt);  // not yet
  EXPECT_EQ(hot.want("a", 10), std::nullopt);
  EXPECT_TRUE(hot.copied("a"));
  EXPECT_EQ(hot.use("a"), 10u);
}

TEST(HotSet, TheLeastRecentlyUsedMakesRoom) {
  HotSet hot(100);
  for (auto key : {"a", "b", "c"}) EXPECT_EQ(copy(hot, key, 30), Removed());
  hot.use("a");
  EXPECT_EQ(copy(hot, "d", 40), (Removed{"b"}));
  EXPECT_EQ(hot.bytes(), 100u);
  EXPECT_EQ(copy(hot, "e", 50), (Removed{"c", "a"}));
  EXPECT_EQ(hot.bytes(), 90u);
}

TEST(HotSet, WhatIsLargerThanHalfIsNotCopied) {
  HotSet hot(100);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hot.want("a", 51), std::nullopt);
  EXPECT_EQ(copy(hot, "b", 50), Removed());
}

TEST(HotSet, WhatIsBeingCopiedCountsAndIsNotRemoved) {
  HotSet hot(100);
  for (auto key : {"a", "b", "c"}) hot.want(key, 40);
  EXPECT_TRUE(hot.want("a", 40));
  EXPECT_TRUE(hot.want("b", 40));
  EXPECT_EQ(hot.bytes(), 80u);
  EXPECT_EQ(hot.want("c", 40), std::nullopt);
  hot.gave_up("a");
  EXPECT_EQ(hot.bytes(), 40u);
  EXPECT_EQ(hot.want("c", 40), Removed());
}

TEST(HotSet, WhatIsForgottenWhileItIsCopiedIsNotKept) {
  HotSet hot(100);
  hot.want("a", 10);
  hot.want("a", 10);
  EXPECT_FALSE(hot.forget("a"));  // there is nothing to remove yet
  EXPECT_EQ(hot.use("a"), std::nullopt);
  EXPECT_FALSE(hot.copied("a"));
  EXPECT_EQ(hot.bytes(), 0u);
  copy(hot, "a", 10);
  EXPECT_TRUE(hot.forget("a"));
  EXPECT_FALSE(hot.forget("a"));
  EXPECT_EQ(hot.use("a"), std::nullopt);
}

TEST(HotSet, RemembersSoManyAndNoMore) {
  HotSet hot(100);
  hot.want("first", 1);
  for (std::size_t i = 0; i < HotSet::kRemembered; ++i) hot.want("other " + std::to_string(i), 1);
  EXPECT_EQ(hot.want("first", 1), std::nullopt);
  EXPECT_EQ(hot.want("first", 1), Removed());
}

TEST(HotSet, WhateverHappensItStaysWithinItsBounds) {
  std::mt19937 random(7);
  HotSet hot(1'000);
  std::vector<std::string> copying;
  for (int i = 0; i < 20'000; ++i) {
    auto key = "k" + std::to_string(random() % 40);
    auto size = (std::hash<std::string>()(key) % 400);
    switch (random() % 8) {
      case 0: hot.forget(key); break;
      case 1:
        if (!copying.empty()) {
          random() % 2 == 0 ? static_cast<void>(hot.copied(copying.back()))
                            : hot.gave_up(copying.back());
          copying.pop_back();
        }
        break;
      default:
        if (!hot.use(key) && hot.want(key, size)) copying.push_back(key);
    }
    ASSERT_LE(hot.bytes(), 1'000u);
    ASSERT_LE(copying.size(), HotSet::kAtOnce);
  }
}

}  // namespace
}  // namespace ncps::storage
