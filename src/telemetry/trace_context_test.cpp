#include "telemetry/trace_context.h"

#include <gtest/gtest.h>

namespace ncps::trace {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, ParsesAndPrintsTheSame) {
  auto context = parse_traceparent(kGood);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(print_hex(context->trace_id), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(print_hex(context->span_id), "b7ad6b7169203331");
  EXPECT_EQ(print_traceparent(*context), kGood);
}

TEST(TraceContext, OnlyTheLowestFlagIsLookedAt) {
  struct Case {
    std::string_view flags;
    bool sampled;
  };
  for (auto [flags, sampled] : {Case{"00", false}, Case{"01", true}, Case{"ff", true},
                                Case{"fe", false}, Case{"03", true}}) {
    auto header = std::string(kGood.substr(0, 53)) + std::string(flags);
    ASSERT_TRUE(parse_traceparent(header)) << header;
    EXPECT_EQ(parse_traceparent(header)->sampled, sampled) << header;
  }
}

TEST(TraceContext, ALaterVersionIsReadAsFarAsWeKnowIt) {
  auto body = std::string(kGood.substr(2));
  EXPECT_TRUE(parse_traceparent("01" + body));
  EXPECT_TRUE(parse_traceparent("cc" + body + "-what-the-future-brings"));
  EXPECT_TRUE(parse_traceparent("cc" + body + "-"));
  EXPECT_FALSE(parse_traceparent("cc" + body + ".what-the-future-will-not-be-like"));
  EXPECT_FALSE(parse_traceparent("ff" + body));
  EXPECT_FALSE(parse_traceparent("00" + body + "-more"));
}

TEST(TraceContext, WhatIsMalformedIsAsGoodAsNone) {
  const std::string good(kGood);
  std::vector<std::string> bad = {
      "",
      "-",
      "00",
      std::string(55, '-'),
      std::string(55, '0'),
      std::string(100'000, 'a'),
      good.substr(0, 54),
      good + "0",
      " " + good,
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",  // no trace
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",  // no span
      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",  // upper case
      "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
      "0x-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
  };
  bad.push_back(good);
  bad.back()[10] = '\0';
  bad.push_back(good);
  bad.back()[54] = '\xff';
  for (const auto& header : bad) EXPECT_FALSE(parse_traceparent(header)) << header.substr(0, 80);
}

TEST(TraceContext, ATracestateIsPassedOnAsItCameOrNotAtAll) {
  auto members = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
    return text;
  };
  for (const std::string& good :
       {std::string("congo=t61rcWkgMzE"), std::string("rojo=00f067aa0ba902b7 , congo=a b,,"),
        std::string("tenant@system=1"), std::string("1a/b*c-d_e=!x~"), members(32)}) {
    EXPECT_TRUE(is_tracestate(good)) << good;
    auto context = parse_context(kGood, good);
    ASSERT_TRUE(context && context->state) << good;
    EXPECT_EQ(*context->state, good);
  }
  for (const std::string& bad :
       {std::string(), std::string(","), std::string("novalue"), std::string("a="),
        std::string("=b"), std::string("Upper=1"), std::string("a=b=c"),
        std::string("a=b\r\nX-Evil: 1"), std::string("a=b\0c", 5), std::string("a=\xc3\xbc"),
        std::string("a@b@c=1"), members(33), "a=" + std::string(257, 'x'),
        std::string(257, 'a') + "=1",
        "a=" + std::string(250, 'x') + ",b=" + std::string(250, 'x') + ",c=12345"}) {
    EXPECT_FALSE(is_tracestate(bad)) << bad;
    auto context = parse_context(kGood, bad);
    ASSERT_TRUE(context);
    EXPECT_FALSE(context->state) << bad;
  }
}

TEST(TraceContext, ATracestateWithoutATraceIsNothing) {
  EXPECT_FALSE(parse_context("", "congo=1"));
  EXPECT_FALSE(parse_context("00-x", "congo=1"));
  EXPECT_TRUE(parse_context("  " + std::string(kGood) + "\t", ""));
}

}  // namespace
}  // namespace ncps::trace
