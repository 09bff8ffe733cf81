#include "telemetry/repeats.h"

#include <gtest/gtest.h>

namespace ncps::log {
namespace {

using namespace std::chrono_literals;

struct RepeatsTest : ::testing::Test {
  Repeats repeats;
  Repeats::Time now{};
  unsigned written(std::string_view message, unsigned times, std::size_t first_texts,
                   std::size_t step) {
    unsigned count = 0;
    for (unsigned i = 0; i < times; ++i)
      if (repeats.may_write(message, first_texts + i * step, now)) ++count;
    return count;
  }
};

TEST_F(RepeatsTest, TheSameLineIsWrittenSomeTimesAMinuteAndTheRestIsTold) {
  EXPECT_EQ(written("broke", 100, 1, 0), Repeats::kSame);
  EXPECT_EQ(written("another", 1, 2, 0), 1u);
  now += Repeats::kWindow - 1s;
  EXPECT_TRUE(repeats.left_out(now).empty());
  EXPECT_EQ(repeats.next(), now + 1s);
  now += 1s;
  auto told = repeats.left_out(now);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].message, "broke");
  EXPECT_EQ(told[0].lines, 100 - Repeats::kSame);
  EXPECT_TRUE(repeats.left_out(now).empty());
  EXPECT_EQ(repeats.next(), Repeats::Time::max());
  EXPECT_EQ(written("broke", 5, 1, 0), 5u);
}

TEST_F(RepeatsTest, LinesThatDifferShareTheirMessagesShare) {
  EXPECT_EQ(written("broke", 1'000, 1, 1), Repeats::kSameMessage);
  now += Repeats::kWindow;
  auto told = repeats.left_out(now);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].lines, 1'000 - Repeats::kSameMessage);
}

// Nobody looked for what was left out: it is not lost with the next minute.
TEST_F(RepeatsTest, WhatWasNotToldStaysToBeTold) {
  EXPECT_EQ(written("broke", 30, 1, 0), Repeats::kSame);
  now += 10 * Repeats::kWindow;
  EXPECT_EQ(written("broke", 1, 1, 0), 1u);
  auto told = repeats.left_out(now);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].lines, 10u);
}

TEST_F(RepeatsTest, AtTheEndAllIsTold) {
  EXPECT_EQ(written("broke", 21, 1, 0), Repeats::kSame);
  auto told = repeats.left_out(now, true);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].lines, 1u);
}

TEST_F(RepeatsTest, WithTooManyDifferentOnesFurtherOnesAreWritten) {
  for (std::size_t i = 0; i < 2 * Repeats::kMost; ++i)
    EXPECT_TRUE(repeats.may_write("message " + std::to_string(i), i, now));
  EXPECT_TRUE(repeats.may_write("one more", 0, now));
}

}  // namespace
}  // namespace ncps::log
