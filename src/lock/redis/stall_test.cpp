// A holder that lives, and whose work stands still.
#include <gtest/gtest.h>

#include "lock/redis/redis_leases.h"
#include "lock/redis/testing/redis_server.h"
#include "rt/block_on.h"

namespace ncps::redis {
namespace {

using lock::Lease;
using lock::Leases;
using ncps::testing::eventually;
using ncps::testing::RedisServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class Stall : public ::testing::Test {
 protected:
  static std::unique_ptr<Leases> open(const std::string& prefix) {
    auto options = RedisServer::plain().use();
    options.key_prefix = prefix;
    auto leases = open_redis_leases(std::move(options));
    if (!leases) throw std::runtime_error(leases.error().what());
    return std::move(*leases);
  }

  // nullptr: somebody has it.
  std::unique_ptr<Lease> take(Leases& leases, std::optional<milliseconds> stalls_after) {
    lock::Ask ask{.name = "a", .note = {}, .time_to_live = kLong, .stalls_after = stalls_after};
    auto taken = block_on(runtime, leases.try_take(std::move(ask), Deadline::after(kLong)));
    if (!taken) throw std::runtime_error(taken.error().what());
    return taken->index() == 0 ? std::get<0>(*std::move(taken)) : nullptr;
  }

  static constexpr auto kLong = std::chrono::minutes(10);
  Runtime runtime{2};
};

TEST_F(Stall, WhoStandsStillLosesItForGoodAndTheNextOneHasItAtOnce) {
  auto here = open("stall:"), there = open("stall:");
  auto lease = take(*here, milliseconds(200));
  ASSERT_TRUE(lease);
  auto given_back = there->given_back("a");
  std::unique_ptr<Lease> next;
  // Its time to live is ten minutes.
  eventually("it is free", [&] { return (next = take(*there, {})) != nullptr; });
  eventually("who waits for it is told", [&] { return given_back->version() > 0; });
  EXPECT_FALSE(lease->good());
  EXPECT_GT(next->fence(), lease->fence());
  lease->progress();
  EXPECT_FALSE(lease->good());
  lease.reset();
  here.reset();  // whatever it has to give back is given back when this returns
  EXPECT_TRUE(next->good());
  EXPECT_FALSE(take(*there, {})) << "what was lost was given back once, not the next one's";
}

TEST_F(Stall, WhoComesOnKeepsIt) {
  constexpr auto kStall = milliseconds(500);
  auto here = open("on:"), there = open("on:");
  auto last = Clock::now();  // before it came on for the last time
  auto lease = take(*here, kStall);
  ASSERT_TRUE(lease);
  Clock::duration longest{};
  for (auto end = last + 4 * kStall; last < end;) {
    bool lost = take(*there, {}) != nullptr;
    auto before = Clock::now();
    lease->progress();
    longest = std::max(longest, Clock::now() - last);
    last = before;
    if (lost || !lease->good()) break;
  }
  EXPECT_TRUE(lease->good() || longest >= kStall) << "it was lost although the work came on";
}

TEST_F(Stall, WhatNeedNotComeOnIsKept) {
  auto here = open("need not:"), there = open("need not:");
  auto lease = take(*here, {}), other = take(*there, milliseconds(200));
  ASSERT_TRUE(lease);
  EXPECT_FALSE(other);
  lease.reset();
  eventually("it is given back",
             [&] { return (other = take(*there, milliseconds(200))) != nullptr; });
  eventually("it is lost", [&] { return !other->good(); });
}

}  // namespace
}  // namespace ncps::redis
