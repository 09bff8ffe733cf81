#include "fetch/retry_delay.h"

#include <gtest/gtest.h>

#include <limits>

namespace ncps::fetch {
namespace {

using namespace std::chrono_literals;

constexpr RetryPolicy kPolicy{.attempts = 4, .first = 100ms, .ceiling = 2s};

TEST(RetryDelay, DoublesUpToItsCeiling) {
  for (auto [failed, delay] : {std::pair(1u, 100ms),
                               {2u, 200ms},
                               {3u, 400ms},
                               {4u, 800ms},
                               {5u, 1600ms},
                               {6u, 2000ms},
                               {7u, 2000ms},
                               {64u, 2000ms},
                               {std::numeric_limits<unsigned>::max(), 2000ms}}) {
    EXPECT_EQ(retry_delay(kPolicy, failed, {}, 0), delay) << failed;
  }
}

TEST(RetryDelay, ChanceTakesAwayUpToHalf) {
  EXPECT_EQ(retry_delay(kPolicy, 3, {}, 0.5), 300ms);
  EXPECT_EQ(retry_delay(kPolicy, 3, {}, 0.75), 250ms);
  for (double chance = 0; chance < 1; chance += 0.01) {
    auto delay = retry_delay(kPolicy, 3, {}, chance);
    EXPECT_LE(delay, 400ms);
    EXPECT_GE(delay, 200ms);
  }
}

TEST(RetryDelay, WhatTheUpstreamAsksForIsAFloorThatNothingTakesAwayFrom) {
  EXPECT_EQ(retry_delay(kPolicy, 1, 7s, 0.99), 7s);
  EXPECT_EQ(retry_delay(kPolicy, 1, 0s, 0), 100ms);
  EXPECT_EQ(retry_delay(kPolicy, 6, 1s, 0), 2s);
  // The most that parse_retry_after() lets through.
  auto most = std::chrono::seconds(std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(retry_delay(kPolicy, 1, most, 0), most);
}

TEST(RetryDelay, APolicyWithoutDelaysHasNone) {
  RetryPolicy none{.attempts = 4, .first = 0ms, .ceiling = 0ms};
  for (unsigned failed : {0u, 1u, 2u, 100u}) EXPECT_EQ(retry_delay(none, failed, {}, 0.3), 0ms);
}

}  // namespace
}  // namespace ncps::fetch
