#include "storage/disk_calls.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <future>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "rt/block_on.h"
#include "rt/runtime.h"

namespace ncps::storage {
namespace {

using namespace std::chrono_literals;

struct DiskCallsTest : ::testing::Test {
  Runtime runtime{2};
  Pool disk{2};
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();

  ~DiskCallsTest() override { disk.join(); }

  // What hangs in the system, as a file of a server that is away does.
  auto hanging() {
    return [opened = opened]() -> Result<int> {
      opened.wait();
      return 1;
    };
  }
  // Of all threads of the pool; returns when they hang.
  void take_all_threads() {
    auto begun = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(disk.threads()));
    for (std::size_t i = 0; i < disk.threads(); ++i) {
      boost::asio::post(disk, [begun, opened = opened] {
        begun->count_down();
        opened.wait();
      });
    }
    auto patience = Deadline::after(60s);
    while (!begun->try_wait() && !patience.passed()) std::this_thread::yield();
    ASSERT_TRUE(begun->try_wait());
  }
};

TEST_F(DiskCallsTest, WhatHangsIsGivenUpAndNamed) {
  DiskCalls calls(disk, 10ms);
  for (int i = 0; i < 3; ++i) {  // the third one finds no thread
    auto done = block_on(runtime, calls.run("opening /a", hanging()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind(), ErrorKind::unavailable);
    EXPECT_TRUE(done.error().what().contains("opening /a: the disk did not answer within 1 s"))
        << done.error().what();
  }
  gate.set_value();
}

TEST_F(DiskCallsTest, WhatHangsAndWhatWaitsBehindItIsCountedByThePool) {
  DiskCalls calls(disk, 2s);  // enough for the first two to begin
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(block_on(runtime, calls.run("x", hanging())));
  EXPECT_EQ(disk.running(), 2U);  // given up, but they have their threads
  EXPECT_EQ(disk.waiting(), 1U);
  gate.set_value();
  disk.join();
  EXPECT_EQ(disk.running() + disk.waiting(), 0U);
}

TEST_F(DiskCallsTest, WhatWasGivenUpBeforeItBeganNeverBegins) {
  DiskCalls hurried(disk, 10ms), patient(disk, 20s);
  take_all_threads();
  auto begun = std::make_shared<std::atomic<bool>>(false);
  auto late = [begun]() -> Result<int> {
    *begun = true;
    return 2;
  };
  ASSERT_FALSE(block_on(runtime, hurried.run("late", late)));
  gate.set_value();
  auto now = []() -> Result<int> { return 3; };
  EXPECT_EQ(block_on(runtime, patient.run("now", now)).value(), 3);  // behind it in the line
  disk.join();
  EXPECT_FALSE(*begun);
}

TEST_F(DiskCallsTest, TooManyThatWaitAreRefusedAtOnceAndLaterThereIsRoomAgain) {
  DiskCalls calls(disk, 20s, 2);
  std::vector<std::future<Result<int>>> waiting;
  std::promise<void> both[2];
  for (auto& begun : both) {
    auto work = [&begun, opened = opened]() -> Result<int> {
      begun.set_value();
      opened.wait();
      return 1;
    };
    waiting.push_back(std::async(std::launch::async, [this, &calls, work] {
      return block_on(runtime, calls.run("waits", work));
    }));
  }
  for (auto& begun : both) begun.get_future().wait();
  auto refused = block_on(runtime, calls.run("one more", hanging()));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().what().contains("2 calls wait")) << refused.error().what();
  gate.set_value();
  for (auto& one : waiting) EXPECT_EQ(one.get().value(), 1);
  EXPECT_EQ(block_on(runtime, calls.run("again", hanging())).value(), 1);
}

TEST_F(DiskCallsTest, ErrorsAndExceptionsComeBack) {
  DiskCalls calls(disk);
  auto fails = []() -> Result<int> { return fail(ErrorKind::not_found, "gone"); };
  auto failed = block_on(runtime, calls.run("x", fails));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind(), ErrorKind::not_found);
  auto throws = []() -> Result<int> { throw std::runtime_error("thrown"); };
  EXPECT_THROW((void)block_on(runtime, calls.run("x", throws)), std::runtime_error);
}

}  // namespace
}  // namespace ncps::storage
