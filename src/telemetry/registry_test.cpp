#include "telemetry/registry.h"

#include <gtest/gtest.h>

#include <thread>

namespace ncps::metrics {
namespace {

const Family* find(const std::vector<Family>& families, std::string_view name) {
  for (const auto& family : families)
    if (family.name.name == name) return &family;
  return nullptr;
}

TEST(Metrics, WhatIsRegisteredIsThereWithZero) {
  Registry registry;
  registry.counter({"a_total", "What it is"}, {{"object", "nar"}});
  registry.gauge({"b", "What it is"});
  registry.histogram({"c_seconds", "What it is"}, {1, 2});
  auto all = registry.picture();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(find(all, "a_total")->samples.at(0).value, 0);
  EXPECT_EQ(find(all, "a_total")->samples.at(0).labels, (Labels{{"object", "nar"}}));
  EXPECT_EQ(find(all, "b")->samples.at(0).value, 0);
  EXPECT_EQ(find(all, "c_seconds")->samples.at(0).buckets, (std::vector<std::uint64_t>{0, 0, 0}));
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameCounter) {
  Registry registry;
  auto one = registry.counter({"a_total", "x"}, {{"k", "1"}});
  auto other = registry.counter({"a_total", "x"}, {{"k", "2"}});
  auto again = registry.counter({"a_total", "x"}, {{"k", "1"}});
  one.add(3);
  again.add();
  EXPECT_EQ(one.value(), 4u);
  EXPECT_EQ(other.value(), 0u);
  EXPECT_EQ(find(registry.picture(), "a_total")->samples.size(), 2u);
}

TEST(Metrics, AHandleOfNobodyCountsNowhere) {
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  counter.add();
  gauge.add(-1);
  histogram.observe(1);
  EXPECT_EQ(counter.value(), 0u);
  EXPECT_EQ(gauge.value(), 0);
}

TEST(Metrics, BucketsAreCumulativeAndTheirBoundsAreWithin) {
  Registry registry;
  auto histogram = registry.histogram({"c_seconds", "x"}, {0.5, 1, 2});
  for (double value : {0.0, 0.5, 0.50001, 1.0, 2.0, 7.5}) histogram.observe(value);
  auto all = registry.picture();
  const auto& sample = find(all, "c_seconds")->samples.at(0);
  EXPECT_EQ(sample.buckets, (std::vector<std::uint64_t>{2, 4, 5, 6}));
  EXPECT_NEAR(sample.value, 11.50001, 1e-6);
}

TEST(Metrics, LabelSetsAreBounded) {
  Registry registry;
  for (std::size_t i = 0; i < Registry::kMostSamples + 20; ++i)
    registry.counter({"a_total", "x"}, {{"k", std::to_string(i)}}).add();
  auto all = registry.picture();
  const auto& samples = find(all, "a_total")->samples;
  EXPECT_EQ(samples.size(), Registry::kMostSamples + 1);
  double sum = 0;
  for (const auto& sample : samples) {
    sum += sample.value;
    if (sample.labels.at(0).second == "other") EXPECT_EQ(sample.value, 20);
  }
  EXPECT_EQ(sum, Registry::kMostSamples + 20.0);
}

TEST(Metrics, WhatIsAskedForIsReadForEachPictureUntilNobodyAnswers) {
  Registry registry;
  double size = 1;
  {
    auto asked = registry.ask({"size_bytes", "x"}, Type::gauge, [&] { return size; });
    EXPECT_EQ(find(registry.picture(), "size_bytes")->samples.at(0).value, 1);
    size = 2;
    EXPECT_EQ(find(registry.picture(), "size_bytes")->samples.at(0).value, 2);
    auto moved = std::move(asked);
    EXPECT_NE(find(registry.picture(), "size_bytes"), nullptr);
  }
  EXPECT_EQ(find(registry.picture(), "size_bytes"), nullptr);
}

TEST(Metrics, SeveralMayAnswerForOneName) {
  Registry registry;
  auto one = [](std::string value) {
    return [value]() -> std::vector<Sample> {
      return {{.labels = {{"pool", value}}, .value = 1, .buckets = {}}};
    };
  };
  auto disk = registry.ask({"waiting", "x"}, Type::gauge, one("disk"));
  auto cpu = registry.ask({"waiting", "x"}, Type::gauge, one("cpu"));
  auto all = registry.picture();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].samples.size(), 2u);
}

// Under TSan: adding, registering, asking and looking at once. No count is lost.
TEST(Metrics, NoCountIsLostBetweenThreads) {
  Registry registry;
  auto counter = registry.counter({"a_total", "x"});
  auto gauge = registry.gauge({"b", "x"});
  auto histogram = registry.histogram({"c_seconds", "x"}, seconds_bounds());
  constexpr int kThreads = 24, kEach = 2'000;  // more threads than places
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        counter.add();
        gauge.add(i % 2 == 0 ? 1 : -1);
        histogram.observe(0.004);
        if (i % 500 == 0) {
          registry.counter({"d_total", "x"}, {{"k", std::to_string(t)}}).add();
          auto asked = registry.ask({"e", "x"}, Type::gauge, [] { return 1.0; });
          registry.picture();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), std::uint64_t{kThreads} * kEach);
  EXPECT_EQ(gauge.value(), 0);
  auto all = registry.picture();
  EXPECT_EQ(find(all, "c_seconds")->samples.at(0).buckets.back(), std::uint64_t{kThreads} * kEach);
  EXPECT_NEAR(find(all, "c_seconds")->samples.at(0).value, 0.004 * kThreads * kEach, 1e-3);
  EXPECT_EQ(find(all, "d_total")->samples.size(), std::size_t{kThreads});
}

}  // namespace
}  // namespace ncps::metrics
