#include "fetch/trace_headers.h"

#include <gtest/gtest.h>

#include "telemetry/current_span.h"

namespace ncps::fetch {
namespace {

TEST(TraceHeaders, ARequestSaysWhatSpanItIsMadeIn) {
  trace::Slot slot{*trace::parse_context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                                         "congo=t61rcWkgMzE")};
  HttpRequest outside, inside;
  add_trace_headers(outside);
  EXPECT_TRUE(outside.headers.empty());
  trace::Enter enter(&slot);
  add_trace_headers(inside);
  ASSERT_EQ(inside.headers.size(), 2u);
  EXPECT_EQ(inside.headers[0].first, "traceparent");
  EXPECT_EQ(inside.headers[0].second, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  EXPECT_EQ(inside.headers[1].second, "congo=t61rcWkgMzE");
}

TEST(TraceHeaders, APathHasNoPasswordAndNoToken) {
  EXPECT_EQ(path_of("https://user:hunter2@host:1/nar/a.nar?token=hunter2#x"), "/nar/a.nar");
  EXPECT_EQ(path_of("http://host"), "");
  EXPECT_EQ(path_of("http://host?token=/hunter2"), "");
  EXPECT_EQ(path_of("user:hunter2@host/a"), "/a");
  EXPECT_EQ(path_of(""), "");
}

}  // namespace
}  // namespace ncps::fetch
