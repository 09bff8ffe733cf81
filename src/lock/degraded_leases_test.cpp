#include "lock/degraded_leases.h"

#include <gtest/gtest.h>

#include "lock/testing/may_fail.h"
#include "rt/block_on.h"

namespace ncps::lock {
namespace {

class Degraded : public ::testing::Test {
 protected:
  Result<Taken> take(std::string name) {
    return block_on(runtime, leases->try_take({.name = std::move(name)}, Deadline::never()));
  }
  static bool is_ours(const Result<Taken>& taken) { return taken && taken->index() == 0; }

  Runtime runtime{1};
  std::shared_ptr<NamedSignals> signals = std::make_shared<NamedSignals>();
  std::unique_ptr<MayFail> made = std::make_unique<MayFail>(signals);
  MayFail& shared = *made;
  std::unique_ptr<Leases> leases = make_degraded_leases(std::move(made), signals);
};

TEST_F(Degraded, GoesOnAloneAndComesBack) {
  EXPECT_TRUE(is_ours(take("a")));
  EXPECT_EQ(leases->trouble(), "");
  shared.failure = ErrorKind::timeout;
  auto alone = take("a");
  ASSERT_TRUE(is_ours(alone));
  EXPECT_EQ(std::get<0>(*alone)->fence(), 0U);
  EXPECT_FALSE(is_ours(take("a")));
  EXPECT_EQ(leases->trouble(), "Redis is away");
  shared.failure.reset();
  int asked = shared.asked;
  EXPECT_FALSE(is_ours(take("a"))) << "taken alone, and not given back yet";
  EXPECT_EQ(shared.asked, asked) << "what we have ourselves need not be asked of others";
  alone = Taken(Holder{});
  EXPECT_TRUE(is_ours(take("a")));
}

TEST_F(Degraded, WhatIsNoOutageIsHandedOn) {
  shared.failure = ErrorKind::invalid;
  auto taken = take("a");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::invalid);
}

TEST_F(Degraded, GivingBackAloneWakesWhoWaitsForTheSharedOne) {
  auto signal = leases->given_back("a");
  shared.failure = ErrorKind::unavailable;
  auto alone = take("a");
  auto seen = signal->version();
  alone = Taken(Holder{});
  EXPECT_NE(signal->version(), seen);
}

}  // namespace
}  // namespace ncps::lock
