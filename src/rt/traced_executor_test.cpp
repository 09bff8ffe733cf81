#include "rt/traced_executor.h"

#include <gtest/gtest.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>

#include "rt/offload.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"
#include "telemetry/span.h"

namespace ncps {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using trace::Span;

struct TracedExecutor : ::testing::Test {
  std::shared_ptr<trace::SpanQueue> queue = std::make_shared<trace::SpanQueue>(100'000, 100'000);
  Runtime runtime{3};
  Pool pool{3};  // joined before the loops die
  TaskGroup group;

  TracedExecutor() { trace::start(trace::Sampler::parse("always_on", "").value(), queue); }
  ~TracedExecutor() override {
    EXPECT_TRUE(group.join_blocking(Deadline::after(60s)));
    pool.join();
    trace::stop();
  }

  std::vector<std::unique_ptr<trace::SpanData>> join() {
    EXPECT_TRUE(group.join_blocking(Deadline::after(60s)));
    return queue->take(trace::SpanQueue::Clock::now());
  }
};

std::string name_of(const trace::SpanContext* context) {
  return context == nullptr ? "none" : trace::print_hex(context->span_id);
}

// Every way to wait that there is; after each the span is still the own one.
asio::awaitable<void> wait_in_every_way(Pool& pool, Signal& signal, std::atomic<int>& wrong) {
  Span request("request", Span::First{});
  auto mine = name_of(trace::current());
  auto check = [&] { wrong += name_of(trace::current()) != mine ? 1 : 0; };
  for (int i = 0; i < 20; ++i) {
    co_await asio::post(asio::use_awaitable);
    check();
    co_await asio::dispatch(asio::use_awaitable);
    check();
    co_await sleep_for(i % 3 == 0 ? 1ms : 0ms);
    check();
    auto seen = signal.version();
    signal.notify();
    co_await signal.wait_past(seen, Deadline::never());
    check();
    auto work = [&] {
      check();
      Span inner("offloaded");
      return 1;
    };
    co_await offload(pool, std::move(work));
    check();
  }
}

TEST_F(TracedExecutor, ACoroutineFindsItsOwnSpanHoweverItWaited) {
  Signal signal;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 60; ++i)
    group.spawn(runtime.next_executor(), "request", wait_in_every_way(pool, signal, wrong));
  auto spans = join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(spans.size(), 60u * 21);
  std::map<trace::SpanId, trace::TraceId> requests;
  for (const auto& span : spans)
    if (span->name == "request") requests.emplace(span->context.span_id, span->context.trace_id);
  EXPECT_EQ(requests.size(), 60u);
  for (const auto& span : spans) {
    if (span->name == "offloaded") {
      ASSERT_TRUE(requests.contains(span->parent));
      EXPECT_EQ(requests.at(span->parent), span->context.trace_id);
    }
  }
}

asio::awaitable<void> child() {
  Span span("child");
  co_await asio::post(asio::use_awaitable);
}

asio::awaitable<void> parent(TaskGroup& group, Runtime& runtime) {
  Span span("parent", Span::First{});
  auto here = co_await asio::this_coro::executor;
  auto mine = name_of(trace::current());
  group.spawn(here, "child", child());  // a slot of its own, on the same thread
  group.spawn(runtime.next_executor(), "child", child());
  for (int i = 0; i < 50; ++i) {
    co_await asio::post(asio::use_awaitable);
    EXPECT_EQ(name_of(trace::current()), mine);
  }
}

TEST_F(TracedExecutor, WhatIsSpawnedBeginsWithinTheSpanOfWhoSpawnsIt) {
  for (int i = 0; i < 10; ++i)
    group.spawn(runtime.next_executor(), "parent", parent(group, runtime));
  std::set<trace::SpanId> parents;
  int children = 0;
  auto spans = join();
  for (const auto& span : spans)
    if (span->name == "parent") parents.insert(span->context.span_id);
  for (const auto& span : spans)
    if (span->name == "child") children += parents.contains(span->parent) ? 1 : 0;
  EXPECT_EQ(parents.size(), 10u);
  EXPECT_EQ(children, 20);
}

TEST_F(TracedExecutor, RunsOnTheSameThreadAsTheExecutorThatItIsMadeOf) {
  asio::io_context io(1);
  auto executor = traced(io.get_executor(), {});
  EXPECT_EQ(&asio::query(executor, asio::execution::context), &io);
  EXPECT_EQ(executor, executor);
  EXPECT_NE(executor, traced(io.get_executor(), {}));
  EXPECT_NE(executor, asio::any_io_executor(io.get_executor()));
  trace::Slot* inside = nullptr;
  asio::post(executor, [&] {
    auto* posted = trace::current_slot();
    asio::dispatch(executor, [&] { inside = trace::current_slot(); });  // at once
    EXPECT_EQ(inside, posted);
    asio::dispatch(traced(executor, {}), [&] { EXPECT_NE(trace::current_slot(), posted); });
    EXPECT_EQ(trace::current_slot(), posted);
  });
  io.run();
  EXPECT_NE(inside, nullptr);
  EXPECT_EQ(trace::current_slot(), nullptr);
}

TEST_F(TracedExecutor, AnExceptionLeavesNoSpanBehind) {
  asio::io_context io(1);
  asio::post(traced(io.get_executor(), {}), [] { throw std::runtime_error("on purpose"); });
  EXPECT_THROW(io.run(), std::runtime_error);
  EXPECT_EQ(trace::current_slot(), nullptr);
}

TEST(TracedExecutorOff, WithoutTracingNothingIsTraced) {
  Runtime runtime(1);
  TaskGroup group;
  bool slot = true;
  auto look = [&]() -> asio::awaitable<void> {
    co_await asio::post(asio::use_awaitable);
    slot = trace::current_slot() != nullptr;
  };
  group.spawn(runtime.next_executor(), "look", look());
  ASSERT_TRUE(group.join_blocking(Deadline::after(20s)));
  EXPECT_FALSE(slot);
}

}  // namespace
}  // namespace ncps
