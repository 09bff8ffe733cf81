#include "server/look.h"

#include <gtest/gtest.h>

#include <atomic>

#include "rt/block_on.h"
#include "rt/signal.h"

namespace ncps::server {
namespace {

using namespace std::chrono_literals;

struct LookTest : ::testing::Test {
  Runtime runtime{2};
  std::atomic<int> looks = 0;
  Signal gate;

  Task<void> fails() {
    ++looks;
    co_return fail(ErrorKind::unavailable, "cannot be read");
  }
  Task<void> hangs() {
    ++looks;
    co_await gate.wait_past(0, Deadline::after(20s));
    co_return Result<void>();
  }
};

TEST_F(LookTest, WhatItFoundHoldsForAMoment) {
  Look look(runtime, [this] { return fails(); }, 1h);
  for (int i = 0; i < 20; ++i) {
    auto found = block_on(runtime, look.now());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::unavailable);
  }
  EXPECT_EQ(looks, 1);
  EXPECT_TRUE(look.stop(Deadline::after(20s)));
}

TEST_F(LookTest, WhatHangsIsSaidInTimeAndAskedForOnlyOnce) {
  Look look(runtime, [this] { return hangs(); }, 0s);
  for (int i = 0; i < 2; ++i) {
    auto found = block_on(runtime, look.now());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::timeout);
  }
  EXPECT_EQ(looks, 1);
  gate.notify();
  EXPECT_TRUE(block_on(runtime, look.now()));
  EXPECT_TRUE(look.stop(Deadline::after(20s)));
}

}  // namespace
}  // namespace ncps::server
