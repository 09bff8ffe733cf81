#include "cache/slots.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "rt/block_on.h"
#include "rt/task_group.h"
#include "rt/testing/gate.h"

namespace ncps::cache {
namespace {

struct SlotsTest : ::testing::Test {
  Result<Slots::Slot> take(Deadline deadline = Deadline::after(std::chrono::minutes(1))) {
    return block_on(runtime, slots.take(deadline));
  }
  std::future<Result<Slots::Slot>> take_meanwhile() {
    return std::async(std::launch::async, [this] { return take(); });
  }

  Runtime runtime{2};
  Slots slots{2};
};

TEST_F(SlotsTest, ThereAreSoManyAndNoMore) {
  auto first = take(), second = take();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(take(Deadline::after(std::chrono::milliseconds(10))).error().kind(),
            ErrorKind::timeout);
}

TEST_F(SlotsTest, WhoWaitsGetsThePlaceThatBecomesFree) {
  auto first = std::make_unique<Result<Slots::Slot>>(take());
  auto second = take();
  auto waiting = take_meanwhile();
  first.reset();
  auto third = waiting.get();
  EXPECT_TRUE(third);
  EXPECT_EQ(take(Deadline::after(std::chrono::milliseconds(10))).error().kind(),
            ErrorKind::timeout);
}

TEST_F(SlotsTest, AMovedSlotIsGivenBackOnce) {
  {
    auto first = take();
    auto moved = std::move(*first);
  }
  auto one = take(), two = take();
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(take(Deadline::after(std::chrono::milliseconds(10))));
}

TEST_F(SlotsTest, NeverMoreAtOnceWhateverTheThreads) {
  std::atomic<int> inside = 0, most = 0;
  auto work = [&](Slots& of) -> Task<int> {
    CO_TRY(auto slot, co_await of.take(Deadline::after(std::chrono::minutes(1))));
    int now = ++inside;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    co_await sleep_for(std::chrono::microseconds(100));
    co_return --inside;
  };
  std::vector<std::future<Result<int>>> all;
  for (int i = 0; i < 50; ++i)
    all.push_back(std::async(std::launch::async, [&] { return block_on(runtime, work(slots)); }));
  for (auto& one : all) EXPECT_TRUE(one.get());
  EXPECT_LE(most, 2);
  auto first = take(), second = take();  // none was lost
  EXPECT_TRUE(first && second);
}

TEST_F(SlotsTest, NobodyAloneKeepsOthersOut) {
  Slots four(4);
  auto soon = [] { return Deadline::after(std::chrono::milliseconds(10)); };
  auto take_for = [&](const char* who) { return block_on(runtime, four.take(soon(), who)); };
  std::vector<Slots::Slot> held;
  for (int i = 0; i < 3; ++i) held.push_back(take_for("one").value());
  ASSERT_FALSE(take_for("one"));
  auto waiting = std::async(std::launch::async, [&] {
    return block_on(runtime, four.take(Deadline::after(std::chrono::minutes(1)), "one"));
  });
  {
    auto other = take_for("other");
    EXPECT_TRUE(other);
    EXPECT_FALSE(take_for(""));
  }
  auto nobody = take_for("");  // has no share
  EXPECT_TRUE(nobody);
  held.pop_back();
  auto fourth = waiting.get();
  EXPECT_TRUE(fourth);
  EXPECT_FALSE(take_for("one"));
}

TEST_F(SlotsTest, NobodyAloneFillsTheQueue) {
  auto first = take(), second = take();
  TaskGroup all;
  std::atomic<std::size_t> refused = 0;
  auto wait = [&]() -> boost::asio::awaitable<void> {
    auto slot = co_await slots.take(Deadline::after(std::chrono::minutes(1)), "one");
    if (!slot && slot.error().what() == "too many wait already") ++refused;
  };
  for (std::size_t i = 0; i < Slots::kMostWaiting; ++i)
    all.spawn(runtime.next_executor(), "wait", wait());
  for (auto patience = Deadline::after(std::chrono::minutes(1));
       refused < Slots::kMostWaiting / 2 && !patience.passed();)
    std::this_thread::yield();
  EXPECT_EQ(refused, Slots::kMostWaiting / 2);
  auto other = std::async(std::launch::async, [&] {
    return block_on(runtime, slots.take(Deadline::after(std::chrono::minutes(1)), "other"));
  });
  slots.close();
  auto told = other.get();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().what(), "the server is shutting down");
  EXPECT_TRUE(all.join_blocking(Deadline::after(std::chrono::minutes(1))));
}

TEST_F(SlotsTest, AsManyWaitAsIsSaid) {
  Slots none(1, 0), two(1, 2);
  auto take_of = [&](Slots& of, const char* who) {
    return block_on(runtime, of.take(Deadline::after(std::chrono::minutes(1)), who));
  };
  auto held = take_of(none, "a");
  EXPECT_EQ(take_of(none, "b").error().what(), "too many wait already");
  auto first = take_of(two, "a");
  std::vector<std::future<Result<Slots::Slot>>> waiting;
  for (auto who : {"b", "c"})
    waiting.push_back(std::async(std::launch::async, [&, who] { return take_of(two, who); }));
  auto patience = Deadline::after(std::chrono::seconds(60));
  while (two.load().waiting < 2 && !patience.passed()) std::this_thread::yield();
  EXPECT_EQ(two.load().waiting, 2u);
  EXPECT_EQ(take_of(two, "d").error().what(), "too many wait already");
  two.close();
  for (auto& one : waiting) EXPECT_FALSE(one.get());
}

TEST_F(SlotsTest, ClosedNobodyWaitsAndNobodyGetsOne) {
  auto first = take(), second = take();
  auto waiting = take_meanwhile();
  slots.close();
  EXPECT_EQ(waiting.get().error().kind(), ErrorKind::unavailable);
  EXPECT_EQ(take().error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::cache
