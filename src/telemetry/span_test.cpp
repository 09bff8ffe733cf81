#include "telemetry/span.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace ncps::trace {
namespace {

using namespace std::chrono_literals;

struct SpanTest : ::testing::Test {
  std::shared_ptr<SpanQueue> queue = std::make_shared<SpanQueue>(100, 100);
  Slot slot;

  void begin(std::string_view sampler = "always_on") {
    start(Sampler::parse(sampler, "").value(), queue);
  }
  ~SpanTest() override { stop(); }

  std::map<std::string, SpanData> ended() {
    std::map<std::string, SpanData> out;
    for (auto& span : queue->take(SpanQueue::Clock::now())) out.emplace(span->name, *span);
    return out;
  }
};

TEST_F(SpanTest, ChildrenAreWithinTheirParentsAndTheParentIsCurrentAgain) {
  begin();
  Enter enter(&slot);
  {
    Span server("server", Span::First{.kind = Kind::server});
    auto outer = *current();
    {
      Span child("child");
      EXPECT_NE(current()->span_id, outer.span_id);
      EXPECT_EQ(current()->trace_id, outer.trace_id);
      Span grandchild("grandchild", Kind::client);
      grandchild.set("n", 5);
      grandchild.fail("it broke");
    }
    EXPECT_EQ(current()->span_id, outer.span_id);
    Span second("second");
  }
  EXPECT_EQ(current(), nullptr);
  auto spans = ended();
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans.at("server").parent, SpanId{});
  EXPECT_EQ(spans.at("child").parent, spans.at("server").context.span_id);
  EXPECT_EQ(spans.at("second").parent, spans.at("server").context.span_id);
  const auto& grandchild = spans.at("grandchild");
  EXPECT_EQ(grandchild.parent, spans.at("child").context.span_id);
  EXPECT_EQ(grandchild.kind, Kind::client);
  EXPECT_TRUE(grandchild.failed);
  EXPECT_EQ(grandchild.failure, "it broke");
  EXPECT_EQ(std::get<std::int64_t>(grandchild.attributes.at(0).value), 5);
  EXPECT_LE(grandchild.start_ns, grandchild.end_ns);
  for (const auto& [name, span] : spans)
    EXPECT_EQ(span.context.trace_id, grandchild.context.trace_id) << name;
}

TEST_F(SpanTest, ATraceOfAClientGoesOn) {
  begin("parentbased_always_on");
  auto parent =
      *parse_context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "congo=1");
  Enter enter(&slot);
  {
    Span server("server", Span::First{.kind = Kind::server, .parent = &parent});
    EXPECT_EQ(current()->trace_id, parent.trace_id);
    EXPECT_NE(current()->span_id, parent.span_id);
    EXPECT_EQ(*current()->state, "congo=1");
  }
  EXPECT_EQ(ended().at("server").parent, parent.span_id);
}

TEST_F(SpanTest, WhatIsNotSampledIsPassedOnAndNotRecorded) {
  begin("parentbased_always_on");
  auto parent = *parse_context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "");
  Enter enter(&slot);
  {
    Span server("server", Span::First{.kind = Kind::server, .parent = &parent});
    EXPECT_FALSE(server.recorded());
    Span child("child");
    EXPECT_FALSE(child.recorded());
    EXPECT_EQ(current()->trace_id, parent.trace_id);
    EXPECT_FALSE(current()->sampled);
  }
  EXPECT_TRUE(ended().empty());
}

TEST_F(SpanTest, WithoutASlotOrBeforeTheStartOrAfterTheStopNothingHappens) {
  {
    Enter enter(&slot);
    Span early("early", Span::First{});
    EXPECT_EQ(current(), nullptr);
  }
  begin();
  Span nowhere("nowhere", Span::First{});
  Span child("child");
  EXPECT_EQ(current(), nullptr);
  {
    Enter enter(&slot);
    Span late("late", Span::First{});
    EXPECT_TRUE(late.recorded());
    stop();
  }
  EXPECT_TRUE(ended().empty());
  EXPECT_EQ(queue->dropped(), 0u);
}

TEST_F(SpanTest, WithoutACurrentSpanAChildDoesNothing) {
  begin();
  Enter enter(&slot);
  Span child("child");
  EXPECT_FALSE(child.recorded());
  EXPECT_EQ(current(), nullptr);
}

TEST_F(SpanTest, AFullQueueCostsSpansAndNothingElse) {
  begin();
  Enter enter(&slot);
  for (int i = 0; i < 150; ++i) {
    Span span("many", Span::First{});
    EXPECT_NE(current(), nullptr);  // what is asked of an upstream is in the trace all the same
  }
  EXPECT_EQ(queue->size(), 100u);
  EXPECT_EQ(queue->dropped(), 50u);
}

TEST_F(SpanTest, EachThreadHasItsOwn) {
  begin();
  Enter enter(&slot);
  Span here("here", Span::First{});
  std::jthread([&] { EXPECT_EQ(current(), nullptr); });
  EXPECT_NE(current(), nullptr);
}

TEST_F(SpanTest, TextsOfStrangersAreCut) {
  begin();
  Enter enter(&slot);
  {
    Span span("long", Span::First{});
    span.fail(std::string(1'000'000, 'x'));
    span.set("key", std::string(1'000'000, 'y'));
  }
  auto data = ended().at("long");
  EXPECT_EQ(data.failure.size(), Span::kMostText);
  EXPECT_EQ(std::get<std::string>(data.attributes.at(0).value).size(), Span::kMostText);
}

}  // namespace
}  // namespace ncps::trace
