#include "cache/single_flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "rt/block_on.h"
#include "rt/testing/gate.h"

namespace ncps::cache {
namespace {

using std::chrono::minutes;

struct SingleFlightTest : ::testing::Test {
  ~SingleFlightTest() override { EXPECT_TRUE(flights.stop(Deadline::after(minutes(1)))); }
  Runtime runtime{4};
  SingleFlight<int, int> flights{runtime};
  TaskGroup callers;
  std::atomic<int> runs = 0, good = 0, bad = 0;

  boost::asio::awaitable<void> call(int key, SingleFlight<int, int>::Work work) {
    auto got = co_await flights.run(key, std::move(work), Deadline::after(minutes(1)));
    ++(got ? good : bad);
  }
};

TEST_F(SingleFlightTest, AHundredCallersCostOneRun) {
  testing::Gate gate;
  SingleFlight<int, int>::Work work = [&]() -> Task<int> {
    ++runs;
    co_await gate.pass();
    co_return 7;
  };
  for (int i = 0; i < 100; ++i) callers.spawn(runtime.next_executor(), "caller", call(1, work));
  ASSERT_TRUE(gate.wait_for(1));
  // All have joined once they wait: nobody has an answer, and only one has begun.
  EXPECT_EQ(good, 0);
  auto other = block_on(
      runtime, flights.run(2, [&]() -> Task<int> { co_return 9; }, Deadline::after(minutes(1))));
  EXPECT_EQ(other.value(), 9);  // another key does not wait
  gate.open();
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_EQ(good, 100);
  EXPECT_GE(runs, 1);
  EXPECT_LT(runs, 100);  // who came after the end may start anew
}

TEST_F(SingleFlightTest, NeverTwoAtOncePerKeyWhoeverCalls) {
  std::array<std::atomic<int>, 3> at_once{};
  std::atomic<bool> twice = false;
  for (int i = 0; i < 600; ++i) {
    int key = i % 3;
    SingleFlight<int, int>::Work work = [&, key]() -> Task<int> {
      if (++at_once[key] > 1) twice = true;
      co_await sleep_for(std::chrono::microseconds(10));
      --at_once[key];
      co_return 1;
    };
    callers.spawn(runtime.next_executor(), "caller", call(key, work));
  }
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_FALSE(twice);
  EXPECT_EQ(good, 600);
}

TEST_F(SingleFlightTest, AnErrorReachesAllAndTheNextCallTriesAgain) {
  testing::Gate gate;
  SingleFlight<int, int>::Work failing = [&]() -> Task<int> {
    ++runs;
    co_await gate.pass();
    co_return fail(ErrorKind::upstream, "no");
  };
  for (int i = 0; i < 10; ++i) callers.spawn(runtime.next_executor(), "caller", call(1, failing));
  ASSERT_TRUE(gate.wait_for(1));
  gate.open();
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_EQ(bad, 10);
  auto again = block_on(
      runtime, flights.run(1, [&]() -> Task<int> { co_return 3; }, Deadline::after(minutes(1))));
  EXPECT_EQ(again.value(), 3);
}

TEST_F(SingleFlightTest, TheDeadlineEndsOnlyTheWaiting) {
  testing::Gate gate;
  SingleFlight<int, int>::Work work = [&]() -> Task<int> {
    ++runs;
    co_await gate.pass();
    co_return 7;
  };
  auto late = block_on(runtime, flights.run(1, work, Deadline::after(std::chrono::seconds(0))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  callers.spawn(runtime.next_executor(), "caller", call(1, work));
  gate.open();
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_EQ(good, 1);
  EXPECT_LE(runs, 2);
}

TEST_F(SingleFlightTest, AnExceptionIsAnInternalErrorForAllAndNobodyHangs) {
  SingleFlight<int, int>::Work work = []() -> Task<int> {
    throw std::runtime_error("a bug");
    co_return 1;
  };
  auto got = block_on(runtime, flights.run(1, work, Deadline::after(minutes(1))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().kind(), ErrorKind::internal);
}

TEST_F(SingleFlightTest, WhoHoldsAKeyKeepsWorkOnItFromStarting) {
  auto hold = flights.try_hold(1);
  ASSERT_TRUE(hold);
  EXPECT_FALSE(flights.try_hold(1));
  SingleFlight<int, int>::Work work = [&]() -> Task<int> {
    ++runs;
    co_return 7;
  };
  auto late = block_on(runtime, flights.run(1, work, Deadline::after({})));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  for (int i = 0; i < 20; ++i) callers.spawn(runtime.next_executor(), "caller", call(1, work));
  EXPECT_EQ(block_on(runtime, flights.run(2, work, Deadline::never())).value(), 7);
  EXPECT_EQ(runs, 1) << "only the other key's";
  hold.reset();
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_EQ(good, 20);
}

TEST_F(SingleFlightTest, EditionsOfAKeyDoNotWaitForEachOtherAndAHoldWaitsForAll) {
  testing::Gate old_gate, new_gate;
  auto through = [&](testing::Gate& gate, int what) -> SingleFlight<int, int>::Work {
    return [&gate, what]() -> Task<int> {
      co_await gate.pass();
      co_return what;
    };
  };
  auto asking = [&](testing::Gate& gate, int what, std::uint64_t edition) {
    return std::async(std::launch::async, [&, what, edition] {
      return block_on(runtime, flights.run(1, through(gate, what), Deadline::never(), edition));
    });
  };
  auto before = asking(old_gate, 7, 0);
  ASSERT_TRUE(old_gate.wait_for(1));
  auto after = asking(new_gate, 8, 1);
  ASSERT_TRUE(new_gate.wait_for(1));
  EXPECT_FALSE(flights.try_hold(1));
  testing::Gate held;
  auto holder = [&]() -> Task<void> {
    CO_TRY(auto hold, co_await flights.hold(1, Deadline::never()));
    co_await held.pass();
    co_return Result<void>();
  };
  auto holding = std::async(std::launch::async, [&] { return block_on(runtime, holder()); });
  new_gate.open();
  EXPECT_EQ(after.get().value(), 8);
  EXPECT_FALSE(flights.try_hold(1)) << "the older one is still at it";
  EXPECT_EQ(held.come(), 0);
  old_gate.open();
  EXPECT_EQ(before.get().value(), 7);
  ASSERT_TRUE(held.wait_for(1));
  for (std::uint64_t edition : {0, 1, 2}) {
    auto late =
        block_on(runtime, flights.run(1, through(old_gate, 9), Deadline::after({}), edition));
    ASSERT_FALSE(late) << edition;
    EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  }
  held.open();
  EXPECT_TRUE(holding.get());
  auto again = block_on(runtime, flights.run(1, through(old_gate, 9), Deadline::never(), 2));
  EXPECT_EQ(again.value(), 9);
}

TEST_F(SingleFlightTest, WorkAndHoldNeverMeet) {
  std::atomic<int> inside = 0;
  std::atomic<bool> met = false;
  SingleFlight<int, int>::Work work = [&]() -> Task<int> {
    if (++inside > 1) met = true;
    --inside;
    co_return 7;
  };
  auto holder = [&]() -> boost::asio::awaitable<void> {
    if (auto hold = flights.try_hold(1)) {
      if (++inside > 1) met = true;
      --inside;
    }
    co_return;
  };
  for (int i = 0; i < 300; ++i) {
    callers.spawn(runtime.next_executor(), "caller", call(1, work));
    callers.spawn(runtime.next_executor(), "holder", holder());
  }
  ASSERT_TRUE(callers.join_blocking(Deadline::after(minutes(1))));
  EXPECT_FALSE(met);
  EXPECT_EQ(good, 300);
}

}  // namespace
}  // namespace ncps::cache
