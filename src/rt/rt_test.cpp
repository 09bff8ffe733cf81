#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "rt/offload.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task.h"
#include "rt/task_group.h"
#include "rt/testing/run_sync.h"

namespace ncps {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct Offload : ::testing::Test {
  asio::io_context io{1};
  Pool pool{2};  // after io: joined before io is destroyed
  ~Offload() override { pool.join(); }
};

TEST_F(Offload, WorksElsewhereAndComesHome) {
  auto here = std::this_thread::get_id();
  std::thread::id there, back;
  auto body = [&]() -> Task<std::string> {
    std::string text = "long enough to live on the heap, as real work would";
    auto work = [&]() -> Result<std::string> {
      there = std::this_thread::get_id();
      return text + "!";
    };
    auto answer = co_await offload(pool, std::move(work));
    back = std::this_thread::get_id();
    co_return answer;
  };
  auto answer = testing::run_sync(io, body());
  EXPECT_EQ(answer.value().back(), '!');
  EXPECT_NE(there, here);
  EXPECT_EQ(back, here);
}

TEST_F(Offload, AnExceptionComesOutOfTheAwait) {
  auto body = [&]() -> Task<int> {
    auto work = []() -> Result<int> { throw std::runtime_error("disk on fire"); };
    co_return co_await offload(pool, std::move(work));
  };
  EXPECT_THROW(static_cast<void>(testing::run_sync(io, body())), std::runtime_error);
}

TEST(Signal, WakesEveryWaiterOnEveryThreadAndLosesNoWakeUp) {
  Runtime runtime(3);
  TaskGroup group;
  Signal signal;
  std::atomic<int> goal{0}, woken{0};
  auto waiter = [&]() -> asio::awaitable<void> {
    for (int round = 1; round <= 50; ++round) {
      for (;;) {
        auto seen = signal.version();
        if (goal.load() >= round) break;
        co_await signal.wait_past(seen, Deadline::never());
      }
    }
    ++woken;
  };
  for (int i = 0; i < 30; ++i) group.spawn(runtime.next_executor(), "waiter", waiter());
  for (int round = 1; round <= 50; ++round) {
    goal = round;
    signal.notify();
  }
  ASSERT_TRUE(group.join_blocking(Deadline::after(20s)));
  EXPECT_EQ(woken, 30);
}

TEST(Signal, TheDeadlineEndsAWaitThatNobodyWakes) {
  asio::io_context io(1);
  Signal signal;
  EXPECT_FALSE(testing::run_sync(io, signal.wait_past(signal.version(), Deadline::after(1ms))));
  EXPECT_TRUE(testing::run_sync(io, signal.wait_past(signal.version() + 1, Deadline::never())));
}

TEST(TaskGroup, JoinWaitsForAllAndAnEscapeEndsOnlyItsTask) {
  Runtime runtime(2);
  TaskGroup group;
  std::atomic<int> done{0};
  auto fine = [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 20; ++i) co_await asio::post(asio::use_awaitable);
    ++done;
  };
  auto thrower = []() -> asio::awaitable<void> {
    co_await asio::post(asio::use_awaitable);
    throw std::runtime_error("escaped on purpose in a test");
  };
  for (int i = 0; i < 10; ++i) {
    group.spawn(runtime.next_executor(), "fine", fine());
    group.spawn(runtime.next_executor(), "thrower", thrower());
  }
  ASSERT_TRUE(group.join_blocking(Deadline::after(20s)));
  EXPECT_EQ(done, 10);
  EXPECT_EQ(group.running(), 0u);
}

TEST(TaskGroup, JoinGivesUpAtTheDeadline) {
  Runtime runtime(1);
  TaskGroup group;
  Signal gate;
  auto seen = gate.version();
  auto stuck = [&]() -> asio::awaitable<void> { co_await gate.wait_past(seen, Deadline::never()); };
  group.spawn(runtime.next_executor(), "stuck", stuck());
  EXPECT_FALSE(group.join_blocking(Deadline::after(1ms)));
  gate.notify();
  EXPECT_TRUE(group.join_blocking(Deadline::after(20s)));
}

TEST(Deadline, AtMostIsTheEarlierOfTwo) {
  auto soon = Deadline::after(1min);
  EXPECT_LE(soon.at_most(1h).at(), soon.at());
  EXPECT_LT(soon.at_most(1ms).at(), soon.at());
  EXPECT_TRUE(Deadline::after(0s).passed());
  EXPECT_FALSE(Deadline::never().passed());
}

}  // namespace
}  // namespace ncps
