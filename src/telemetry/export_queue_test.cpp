#include "telemetry/export_queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace ncps::telemetry {
namespace {

using namespace std::chrono_literals;
using Queue = ExportQueue<int>;

Queue::Clock::time_point in(std::chrono::milliseconds time) {
  return Queue::Clock::now() + time;
}

TEST(ExportQueue, WhatDoesNotFitIsLostAndCounted) {
  Queue queue(3, 2);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.push(i));
  EXPECT_FALSE(queue.push(3));
  EXPECT_TRUE(queue.drop_unmade());
  EXPECT_EQ(queue.dropped(), 2u);
  EXPECT_EQ(queue.take(in(1h)), (std::vector{0, 1}));
  EXPECT_FALSE(queue.drop_unmade());
  EXPECT_EQ(queue.take(in(0ms)), (std::vector{2}));
  queue.lost(5);
  EXPECT_EQ(queue.dropped(), 7u);
}

TEST(ExportQueue, ABatchWakesAtOnceLessWaitsForItsTime) {
  Queue queue(10, 2);
  std::jthread producer([&] {
    queue.push(1);
    queue.push(2);
  });
  EXPECT_EQ(queue.take(in(1h)).size(), 2u);
  queue.push(3);
  EXPECT_EQ(queue.take(in(1ms)), (std::vector{3}));
  EXPECT_TRUE(queue.take(in(1ms)).empty());
}

TEST(ExportQueue, ABatchIsNeverMoreThanThereIsRoomFor) {
  Queue queue(2, 100);
  queue.push(1);
  queue.push(2);
  EXPECT_EQ(queue.take(in(1h)).size(), 2u);  // would wait for ever for a hundred
}

TEST(ExportQueue, ClosingWakesAndKeepsWhatWasIn) {
  Queue queue(10, 5);
  std::jthread closer([&] {
    queue.push(1);
    queue.close();
  });
  EXPECT_EQ(queue.take(in(1h)), (std::vector{1}));
  EXPECT_TRUE(queue.take(in(1h)).empty());
  EXPECT_FALSE(queue.push(2));
  EXPECT_TRUE(queue.closed());
}

TEST(ExportQueue, NothingIsCountedTwiceHoweverManyProduce) {
  Queue queue(64, 16);
  std::uint64_t taken = 0;
  {
    std::vector<std::jthread> producers;
    for (int t = 0; t < 4; ++t)
      producers.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) queue.push(i);
      });
    std::jthread closer([&] {
      for (auto& producer : producers) producer.join();
      queue.close();
    });
    for (;;) {
      auto items = queue.take(in(1h));
      taken += items.size();
      if (items.empty()) break;
    }
  }
  EXPECT_EQ(taken + queue.dropped(), 20'000u);
}

}  // namespace
}  // namespace ncps::telemetry
