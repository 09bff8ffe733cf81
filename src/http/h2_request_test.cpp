#include "http/h2_request.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "http/h2/frame_budget.h"

namespace ncps::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;
using namespace std::chrono_literals;

constexpr H2Request::Limits kLimits{.head_bytes = 1000, .target_bytes = 100};

Refusal judge(H2Request& request, const Fields& fields, bool body = false) {
  for (const auto& [name, value] : fields) request.add(name, value, kLimits.head_bytes);
  return request.judge(kLimits, body);
}

Fields get(const std::string& path, const Fields& more = {}) {
  Fields all{{":method", "GET"}, {":scheme", "https"}, {":authority", "a.b:1"}, {":path", path}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(H2RequestHead, IsReadAsOneOfHttp1) {
  H2Request request;
  ASSERT_EQ(judge(request, get("/nar/x?y=z", {{"x-a", " b "}, {"x-a", "c"}, {"empty", ""}})).status,
            0u);
  EXPECT_EQ(request.method, Method::get);
  EXPECT_EQ(request.method_name, "GET");
  EXPECT_EQ(request.target, "/nar/x?y=z");
  EXPECT_EQ(request.path, "/nar/x");
  EXPECT_EQ(request.query, "y=z");
  EXPECT_EQ(request.header("X-A"), "b");
  EXPECT_EQ(request.header("host"), "a.b:1");
  EXPECT_EQ(request.header("empty"), "");
  EXPECT_EQ(request.header("absent"), "");
  EXPECT_EQ(request.header(":path"), "");
  EXPECT_FALSE(request.has_body);
  EXPECT_FALSE(request.content_length);
}

TEST(H2RequestHead, IsJudgedAsOneOfHttp1) {
  const std::tuple<Fields, unsigned> rows[] = {
      {get("/"), 0},
      {get("/" + std::string(99, 'x')), 0},
      {get("/" + std::string(100, 'x')), 414},
      {get(""), 400},
      {get("*"), 400},
      {get("hello"), 400},
      {get("http://a/b"), 400},
      {get("/a b"), 400},
      {get("/\xc3\xa4"), 400},
      {get(std::string("/a\0b", 4)), 400},
      {get("/a\x7f"), 400},
      {get("/", {{"host", "A.B:1"}}), 0},
      {get("/", {{"host", "a.c:1"}}), 400},
      {get("/", {{"expect", "100-Continue"}}), 0},
      {get("/", {{"expect", "more"}}), 417},
      {get("/", {{"expect", "more"}, {"expect", "100-continue"}}), 417},
      {get("/", {{"expect", "100-continue"}, {"expect", "more"}}), 417},
      {get("/", {{"x", std::string(2000, 'x')}}), 431},
      {{{":method", "GET"}, {":path", "/"}}, 400},
      {{{":method", "GET"}, {":path", "/"}, {"host", "a"}}, 0},
      {{{":method", "CONNECT"}, {":authority", "a:1"}}, 400},
  };
  for (const auto& [fields, status] : rows) {
    H2Request request;
    EXPECT_EQ(judge(request, fields).status, status) << fields.back().second;
  }
}

TEST(H2RequestHead, KnowsWhetherABodyComes) {
  struct Row {
    Fields more;
    bool follows, has_body, expects;
  };
  for (const auto& row : {Row{{}, false, false, false}, Row{{}, true, true, false},
                          Row{{{"content-length", "5"}}, true, true, false},
                          Row{{{"content-length", "0"}}, true, false, false},
                          Row{{{"expect", "100-continue"}}, true, true, true},
                          Row{{{"expect", ""}, {"expect", "100-continue"}}, true, true, true},
                          Row{{{"expect", "100-continue"}}, false, false, false}}) {
    H2Request request;
    ASSERT_EQ(judge(request, get("/", row.more), row.follows).status, 0u);
    EXPECT_EQ(request.has_body, row.has_body);
    EXPECT_EQ(request.expects_continue, row.expects);
  }
  H2Request request;
  ASSERT_EQ(judge(request, get("/", {{"content-length", "18446744073709551615"}}), true).status,
            0u);
  EXPECT_EQ(request.content_length, UINT64_MAX);
}

// However many fields come, what is kept stays below the limit.
TEST(H2RequestHead, KeepsNoMoreThanItsLimit) {
  H2Request request;
  for (int i = 0; i < 100'000; ++i) request.add("x", std::string(50, 'y'), kLimits.head_bytes);
  EXPECT_EQ(request.judge(kLimits, false).status, 431u);
  EXPECT_EQ(request.size(), 100'000u * (1 + 50 + 32));
  EXPECT_EQ(request.header("x"), std::string(50, 'y'));
}

TEST(H2FrameBudget, IsUsedUpByFramesThatAskForNothing) {
  using h2::FrameBudget;
  FrameBudget::TimePoint now{1h};
  FrameBudget budget;
  std::int64_t frames = 0;
  while (budget.spend(1, now)) ++frames;
  EXPECT_EQ(frames, FrameBudget::kMost);
  EXPECT_FALSE(budget.spend(1, now + 999ms));
  EXPECT_TRUE(budget.spend(1, now + 1s));  // time pays a little
  for (int i = 2; i < FrameBudget::kPerSecond - 1; ++i) budget.spend(1, now + 1s);
  EXPECT_FALSE(budget.spend(1, now + 1s));
}

TEST(H2FrameBudget, IsPaidForByWorkAndTimeAndNeverMoreThanFull) {
  using h2::FrameBudget;
  FrameBudget::TimePoint now{1h};
  FrameBudget budget;
  for (int i = 0; i < 1'000'000; ++i) {  // a WINDOW_UPDATE for each frame that was worth one
    budget.works();
    ASSERT_TRUE(budget.spend(2, now));
  }
  std::int64_t frames = 0;
  now += 1000h;
  while (budget.spend(1, now)) ++frames;
  EXPECT_EQ(frames, FrameBudget::kMost);
}

TEST(H2FrameBudget, RequestsThatAreTakenBackUseItUpAlthoughTheyAreRequests) {
  using h2::FrameBudget;
  FrameBudget budget;
  FrameBudget::TimePoint now{1h};
  int requests = 0;
  for (;; ++requests) {
    budget.works();
    if (!budget.spend(FrameBudget::kTakenBack, now)) break;
  }
  EXPECT_GT(requests, 1'000);
  EXPECT_LT(requests, 3'000);
}

}  // namespace
}  // namespace ncps::http
