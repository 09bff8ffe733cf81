#include "lock/local_leases.h"

#include <thread>

#include "lock/degraded_leases.h"
#include "lock/testing/leases_contract.h"
#include "lock/testing/may_fail.h"

namespace ncps::lock {
namespace {

TwoLeases make_local_leases() {
  auto leases = std::make_shared<LocalLeases>();
  return {.here = leases, .there = leases};
}
INSTANTIATE_TEST_SUITE_P(Local, LeasesContract, ::testing::Values(make_local_leases));

TwoLeases make_well() {
  auto signals = std::make_shared<NamedSignals>();
  std::shared_ptr<Leases> one = make_degraded_leases(std::make_unique<MayFail>(signals), signals);
  return {.here = one, .there = one};
}
TwoLeases make_alone() {
  auto signals = std::make_shared<NamedSignals>();
  auto shared = std::make_unique<MayFail>(signals);
  shared->failure = ErrorKind::unavailable;
  std::shared_ptr<Leases> one = make_degraded_leases(std::move(shared), signals);
  return {.here = one, .there = one};
}
// The limits of an Ask are looked at by whom it is asked of: both do.
INSTANTIATE_TEST_SUITE_P(DegradedWell, LeasesContract, ::testing::Values(make_well));
INSTANTIATE_TEST_SUITE_P(DegradedAlone, LeasesContract, ::testing::Values(make_alone));

TEST(LocalLeases, TellWhoHasIt) {
  Runtime runtime(1);
  LocalLeases leases;
  EXPECT_FALSE(leases.holder("a"));
  auto taken = block_on(runtime, leases.try_take({.name = "a", .note = "n"}, Deadline::never()));
  ASSERT_TRUE(taken);
  ASSERT_TRUE(leases.holder("a"));
  EXPECT_EQ(leases.holder("a")->note, "n");
  EXPECT_EQ(leases.holder("a")->fence, 0U);
  EXPECT_FALSE(leases.holder("b"));
  taken = Taken(Holder{});
  EXPECT_FALSE(leases.holder("a"));
}

TEST(LocalLeases, ALeaseMayBeTheLastToGo) {
  Runtime runtime(1);
  auto leases = std::make_unique<LocalLeases>();
  auto taken = block_on(runtime, leases->try_take({.name = "a"}, Deadline::never()));
  ASSERT_TRUE(taken);
  leases.reset();
  EXPECT_TRUE(std::get<0>(*taken)->good());
}

TEST(NamedSignals, AreKeptForAsLongAsSomebodyHasThem) {
  NamedSignals signals;
  EXPECT_EQ(signals.size(), 0U);
  auto a = signals.of("a"), also_a = signals.of("a"), b = signals.of("b");
  EXPECT_EQ(a, also_a);
  EXPECT_EQ(signals.size(), 2U);
  a.reset();
  EXPECT_EQ(signals.size(), 2U);
  also_a.reset();
  EXPECT_EQ(signals.size(), 1U);
  auto seen = b->version();
  signals.notify("a");
  EXPECT_EQ(b->version(), seen);
  signals.notify("b");
  EXPECT_NE(b->version(), seen);
}

TEST(NamedSignals, AllAreToldAtOnce) {
  NamedSignals signals;
  auto a = signals.of("a"), b = signals.of("b");
  auto seen_a = a->version(), seen_b = b->version();
  signals.notify_all();
  EXPECT_NE(a->version(), seen_a);
  EXPECT_NE(b->version(), seen_b);
}

TEST(NamedSignals, ManyThreadsComeAndGo) {
  NamedSignals signals;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        auto mine = signals.of(std::to_string(i % 3));
        if (t % 2 == 0) signals.notify(std::to_string(i % 3));
        if (i % 100 == 0) signals.notify_all();
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(signals.size(), 0U);
}

}  // namespace
}  // namespace ncps::lock
