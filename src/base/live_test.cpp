#include "base/live.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ncps {
namespace {

TEST(Live, ASnapshotStaysAsItWas) {
  Live<std::vector<int>> live({1, 2});
  auto before = live.now();
  live.replace({3});
  EXPECT_EQ(*before, (std::vector<int>{1, 2}));
  EXPECT_EQ(*live.now(), std::vector<int>{3});
}

TEST(Live, WhatIsReplacedLivesUntilItsLastReaderLetsGo) {
  Live<int> live(1);
  auto reader = live.now();
  std::weak_ptr<const int> old = reader;
  live.replace(2);
  EXPECT_FALSE(old.expired());
  reader.reset();
  EXPECT_TRUE(old.expired());
}

TEST(Live, TakesValuesThatOnlyMove) {
  Live<std::unique_ptr<int>> live(std::make_unique<int>(1));
  live.replace(std::make_unique<int>(2));
  EXPECT_EQ(**live.now(), 2);
}

// A destructor that asks for the value must not find the door locked from within.
TEST(Live, TheOldValueIsDestroyedOutsideOfTheLock) {
  struct Asks {
    Live<std::shared_ptr<Asks>>* live = nullptr;
    bool* asked = nullptr;
    ~Asks() {
      if (live == nullptr) return;
      live->now();
      *asked = true;
    }
  };
  bool asked = false;
  Live<std::shared_ptr<Asks>> live(std::make_shared<Asks>());
  auto first = std::make_shared<Asks>();
  first->live = &live;
  first->asked = &asked;
  live.replace(std::move(first));
  live.replace(std::make_shared<Asks>());
  EXPECT_TRUE(asked);
}

TEST(Live, ReadersSeeWholeValuesWhileWritersReplaceThem) {
  constexpr int kRounds = 2000;
  Live<std::vector<int>> live(std::vector<int>(100, 0));
  std::atomic<int> torn = 0, writers = 2;
  {
    std::vector<std::jthread> threads;
    for (int reader = 0; reader < 4; ++reader) {
      threads.emplace_back([&] {
        while (writers > 0) {
          auto seen = live.now();
          for (int value : *seen) torn += value != seen->front();
        }
      });
    }
    for (int writer = 0; writer < 2; ++writer) {
      threads.emplace_back([&, writer] {
        for (int i = 1; i <= kRounds; ++i) live.replace(std::vector<int>(100, 2 * i + writer));
        --writers;
      });
    }
  }
  EXPECT_EQ(torn, 0);
  EXPECT_GE(live.now()->front(), 2 * kRounds);
}

}  // namespace
}  // namespace ncps
