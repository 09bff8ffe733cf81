#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "fetch/testing/scripted_client.h"
#include "rt/testing/run_sync.h"
#include "upstream/http_upstream.h"

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using fetch::testing::answer;
using fetch::testing::ScriptedBody;
using fetch::testing::ScriptedClient;
using ncps::testing::run_sync;

struct HttpUpstreamRetries : ::testing::Test {
  boost::asio::io_context io;
  ScriptedClient client;
  HttpUpstreamOptions options{.url = UpstreamUrl::parse("https://me:secret@host/p").value(),
                              .timeouts = {},
                              .retry = {.attempts = 4, .first = 0ms, .ceiling = 0ms}};

  Result<std::optional<std::string>> narinfo(Deadline deadline = Deadline::after(1min)) {
    auto upstream = make_http_upstream(options, client);
    auto hash = nix::StorePathHash::parse("26xbg1ndr7hbcncrlf9nhx5is2b25d13").value();
    return run_sync(io, upstream->find_narinfo(hash, deadline));
  }
  Result<std::optional<FileHead>> file_head(Deadline deadline = Deadline::after(1min)) {
    auto upstream = make_http_upstream(options, client);
    return run_sync(io, upstream->find_file("nar/x.nar", deadline));
  }
  static fetch::HttpAnswer broken_body() {
    auto out = answer(200);
    std::deque<std::string> pieces{"Store"};
    out.body = std::make_unique<ScriptedBody>(pieces, Error(ErrorKind::upstream, "reset"));
    return out;
  }
  static fetch::HttpAnswer busy(int status, std::chrono::seconds retry_after) {
    auto out = answer(status);
    out.retry_after = retry_after;
    return out;
  }
};

TEST_F(HttpUpstreamRetries, WhatMayPassIsAskedForAgain) {
  for (int status : {408, 429, 500, 502, 503, 504, 507, 520}) {
    client.asked.clear();
    client.then(status, "later");
    client.then(status, "later");
    client.then(200, "text");
    EXPECT_EQ(narinfo().value(), "text") << status;
    EXPECT_EQ(client.asked.size(), 3u) << status;
  }
}

TEST_F(HttpUpstreamRetries, BrokenConnectionsAndTimeoutsAreTriedAgain) {
  client.then(ErrorKind::upstream, "connection refused");
  client.then(ErrorKind::timeout, "no answer");
  client.then(404);
  auto text = narinfo();
  ASSERT_TRUE(text.has_value());
  EXPECT_FALSE(text->has_value());
  EXPECT_EQ(client.left(), 0u);
}

TEST_F(HttpUpstreamRetries, OurOwnBugIsNotTriedAgain) {
  client.then(ErrorKind::internal, "no handle");
  EXPECT_EQ(narinfo().error().kind(), ErrorKind::internal);
  EXPECT_EQ(client.asked.size(), 1u);
}

TEST_F(HttpUpstreamRetries, EndAfterAllAttemptsWithTheLastError) {
  for (int status : {500, 503, 500, 502}) client.then(status);
  auto text = narinfo();
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().kind(), ErrorKind::upstream);
  EXPECT_NE(text.error().what().find("502"), std::string::npos) << text.error().what();
  EXPECT_NE(text.error().what().find("https://host/p"), std::string::npos);
  EXPECT_EQ(text.error().what().find("secret"), std::string::npos);
  EXPECT_EQ(client.asked.size(), 4u);
}

TEST_F(HttpUpstreamRetries, ATimeoutStaysATimeoutAndNamesTheUpstream) {
  options.retry.attempts = 1;
  client.then(ErrorKind::timeout, "no answer");
  auto head = file_head();
  ASSERT_FALSE(head.has_value());
  EXPECT_EQ(head.error().kind(), ErrorKind::timeout);
  EXPECT_NE(head.error().what().find("https://host/p"), std::string::npos);
}

TEST_F(HttpUpstreamRetries, TheTimeForTheHeadDoublesEachTime) {
  options.timeouts.head = 300ms;
  for (int i = 0; i < 3; ++i) client.then(ErrorKind::timeout, "no answer");
  client.then(200, "text");
  ASSERT_TRUE(narinfo().has_value());
  std::vector<std::chrono::milliseconds> heads;
  for (const auto& request : client.asked) heads.push_back(request.timeouts.head);
  EXPECT_EQ(heads, (std::vector<std::chrono::milliseconds>{300ms, 600ms, 1200ms, 2400ms}));
}

TEST_F(HttpUpstreamRetries, ABodyThatBreaksIsAskedForAgain) {
  client.then(broken_body());
  client.then(broken_body());
  client.then(200, "text");
  EXPECT_EQ(narinfo().value(), "text");  // nothing is left of what broke
  EXPECT_EQ(client.asked.size(), 3u);
}

TEST_F(HttpUpstreamRetries, BodiesThatBreakUseUpTheSameAttempts) {
  for (int i = 0; i < 4; ++i) client.then(broken_body());
  client.then(200, "text");
  auto text = narinfo();
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().kind(), ErrorKind::upstream);
  EXPECT_EQ(client.asked.size(), 4u);
}

TEST_F(HttpUpstreamRetries, FailedHeadsAndBrokenBodiesAreCountedTogether) {
  for (int i = 0; i < 8; ++i) {
    client.then(500);
    client.then(broken_body());
  }
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(client.asked.size(), 4u);
}

TEST_F(HttpUpstreamRetries, RetryAfterIsWaitedFor) {
  client.then(busy(429, 1s));
  client.then(200, "text");
  auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(narinfo().value(), "text");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s);
}

TEST_F(HttpUpstreamRetries, ARetryAfterBeyondTheDeadlineIsNotWaitedFor) {
  for (int status : {429, 503}) {
    client.asked.clear();
    client.then(busy(status, 3600s));
    auto text = narinfo(Deadline::after(30min));
    ASSERT_FALSE(text.has_value());
    EXPECT_NE(text.error().what().find(std::to_string(status)), std::string::npos);
    EXPECT_EQ(client.asked.size(), 1u);
  }
}

TEST_F(HttpUpstreamRetries, TheDeadlineEndsThemBetweenBrokenBodiesToo) {
  options.retry.first = options.retry.ceiling = 1h;
  client.then(broken_body());
  client.then(200, "text");
  // Ours would be a wait of half an hour at least.
  auto text = narinfo(Deadline::after(1min));
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(client.asked.size(), 1u);
}

TEST_F(HttpUpstreamRetries, OneAttemptIsOne) {
  options.retry.attempts = 1;
  client.then(broken_body());
  client.then(200, "text");
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(client.asked.size(), 1u);
}

}  // namespace
}  // namespace ncps::upstream
