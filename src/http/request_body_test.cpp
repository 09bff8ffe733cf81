// Bodies of requests on the wire: whole, late, broken, unread, and what follows them.
#include "http/request_body.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

using namespace std::chrono_literals;
using testing::pattern;
using testing::RawClient;

struct HttpRequestBody : testing::ServerTest {
  HttpRequestBody() {
    routes["/echo"] = [this](const Request& request) { return echo(request); };
    routes["/refuse"] = [](const Request&) -> boost::asio::awaitable<Response> {
      co_return text_response(403, "no");
    };
    // Reads one piece, and has enough.
    routes["/taste"] = [](const Request& request) -> boost::asio::awaitable<Response> {
      auto piece = co_await request.body->next();
      co_return text_response(piece ? 413 : 400, "enough");
    };
  }

  boost::asio::awaitable<Response> echo(const Request& request) {
    Response response;
    std::string all;
    if (request.body == nullptr) co_return text_response(411, "none");
    for (;;) {
      auto piece = co_await request.body->next();
      if (!piece) {
        std::lock_guard lock(mutex);
        errors.push_back(piece.error());
        seen.notify();
        co_return text_response(400, "broken");
      }
      if (piece_size(*piece) == 0) break;
      all += std::get<std::string_view>(*piece);
    }
    all += request.content_length ? "|length" : "|chunked";
    all += "|" + std::string(request.header("X-Mark")) + std::string(request.path);
    response.body = std::move(all);
    co_return response;
  }

  static std::string put(std::string_view path, std::string_view headers, std::string_view body) {
    return "PUT " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" +
           std::string(body);
  }
  static std::string length(std::size_t size) {
    return "Content-Length: " + std::to_string(size) + "\r\n";
  }

  // The Error that the handler saw, once it has.
  std::optional<ErrorKind> error_seen() {
    for (auto deadline = Deadline::after(20s); !deadline.passed(); std::this_thread::yield()) {
      std::lock_guard lock(mutex);
      if (!errors.empty()) return errors.front().kind();
    }
    return std::nullopt;
  }

  std::mutex mutex;
  std::vector<Error> errors;  // guarded by mutex
  Signal seen;
};

TEST_F(HttpRequestBody, ComesWholeHoweverItArrivesAndTheNextRequestAfterIt) {
  auto body = pattern(700'000);
  RawClient client(start().port());
  for (std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{5'000}, body.size()}) {
    ASSERT_TRUE(client.send(put("/echo", length(size) + "X-Mark: m\r\n", body.substr(0, size))));
    auto answer = client.read();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_TRUE(answer.body == body.substr(0, size) + "|length|m/echo") << size;
  }
  ASSERT_TRUE(client.send(put("/echo", length(3), "a")));
  ASSERT_TRUE(client.send("b"));
  ASSERT_TRUE(client.send("cGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(client.read().body, "abc|length|/echo");
  EXPECT_EQ(client.read().body, "hello\n");
}

TEST_F(HttpRequestBody, ChunksComeAsOneBodyAndTheNextRequestAfterThem) {
  std::string chunks = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: t\r\n\r\n";
  auto next = put("/echo", length(2), "hi");
  auto text = put("/echo", "Transfer-Encoding: chunked\r\nX-Mark: m\r\n", chunks) + next;
  auto port = start().port();
  for (std::size_t step : {std::size_t{1}, std::size_t{50}, text.size()}) {
    RawClient client(port);
    for (std::string_view rest = text; !rest.empty();
         rest.remove_prefix(std::min(step, rest.size())))
      ASSERT_TRUE(client.send(rest.substr(0, step)));
    EXPECT_EQ(client.read().body, "abcdefg|chunked|m/echo") << step;
    EXPECT_EQ(client.read().body, "hi|length|/echo") << step;
  }
}

TEST_F(HttpRequestBody, WhatFollowsALargeChunkedBodyIsNotLost) {
  auto body = pattern(100'000);
  std::string text = put("/echo", "Transfer-Encoding: chunked\r\n", "");
  for (std::size_t at = 0; at < body.size(); at += 10'000)
    text += "2710\r\n" + body.substr(at, 10'000) + "\r\n";
  text += "0\r\n\r\n";
  for (int i = 0; i < 100; ++i) text += put("/echo", length(3), "xyz");
  RawClient client(start().port());
  std::thread sender([&] { client.send(text); });
  EXPECT_TRUE(client.read().body == body + "|chunked|/echo");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.read().body, "xyz|length|/echo") << i;
  sender.join();
}

TEST_F(HttpRequestBody, AnEmptyOneIsNone) {
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/echo", length(0), "")));
  EXPECT_EQ(client.read().status, 411u);
  ASSERT_TRUE(client.send(put("/echo", "", "")));
  EXPECT_EQ(client.read().status, 411u);
  ASSERT_TRUE(client.send(put("/echo", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n")));
  EXPECT_EQ(client.read().body, "|chunked|/echo");
}

TEST_F(HttpRequestBody, ExpectIsAnsweredWhenTheHandlerReads) {
  RawClient client(start().port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(put("/echo", length(4) + "Expect: 100-continue\r\n", "")));
    auto interim = client.read(RawClient::To::head);
    EXPECT_EQ(interim.head, "HTTP/1.1 100 Continue\r\n\r\n");
    ASSERT_TRUE(client.send("body"));
    EXPECT_EQ(client.read().body, "body|length|/echo");
  }
}

TEST_F(HttpRequestBody, ExpectIsNotAnsweredIfTheBodyIsRefused) {
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/refuse", length(4'000'000) + "Expect: 100-continue\r\n", "")));
  auto answer = client.read();
  EXPECT_EQ(answer.status, 403u);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.ends_cleanly());
}

TEST_F(HttpRequestBody, WhoDoesNotWaitForContinueIsServed) {
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/echo", length(4) + "Expect: 100-continue\r\n", "body")));
  EXPECT_EQ(client.read().body, "body|length|/echo");  // some arrived: nobody waits for a 100
}

TEST_F(HttpRequestBody, ASmallBodyThatNobodyReadIsReadOnAndTheConnectionGoesOn) {
  auto body = pattern(900'000);
  RawClient client(start().port());
  for (auto path : {"/refuse", "/taste"}) {
    ASSERT_TRUE(client.send(put(path, length(body.size()), body)));
    auto answer = client.read();
    EXPECT_NE(answer.status, 200u);
    EXPECT_FALSE(answer.has("Connection: close"));
    ASSERT_TRUE(client.get("/hello"));
    EXPECT_EQ(client.read().body, "hello\n");
  }
}

TEST_F(HttpRequestBody, AfterALargeOrChunkedBodyThatNobodyReadTheConnectionEnds) {
  auto port = start().port();
  for (auto line :
       {length(RequestBody::kDrained + 1), std::string("Transfer-Encoding: chunked\r\n")}) {
    RawClient client(port);
    ASSERT_TRUE(client.send(put("/refuse", line, "")));
    auto answer = client.read();
    EXPECT_EQ(answer.status, 403u);
    EXPECT_TRUE(answer.has("Connection: close\r\n"));
    EXPECT_TRUE(client.ends_cleanly());
  }
}

TEST_F(HttpRequestBody, AMalformedChunkIs400AndNothingAfterItIsARequest) {
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/echo", "Transfer-Encoding: chunked\r\n",
                              "3\r\nabcd\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n")));
  EXPECT_EQ(client.read().status, 400u);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(error_seen(), ErrorKind::invalid);
}

TEST_F(HttpRequestBody, AShortBodyIsAnErrorAndTheConnectionIsDropped) {
  auto port = start().port();
  {
    RawClient client(port);
    ASSERT_TRUE(client.send(put("/echo", length(1'000), pattern(999))));
  }
  EXPECT_EQ(error_seen(), ErrorKind::invalid);
}

TEST_F(HttpRequestBody, AStalledBodyIsGivenUp) {
  options.body_timeout = options.tick = 10ms;
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/echo", length(1'000), pattern(10))));
  EXPECT_EQ(client.read().status, 408u);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(error_seen(), ErrorKind::timeout);
}

TEST_F(HttpRequestBody, ABodyThatOnlyDripsIsGivenUp) {
  options.body_timeout = 60s;
  options.body_rate = {.bytes = 1'000, .within = 200ms};
  options.tick = 10ms;
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/echo", length(900), "")));
  std::jthread drip([&](std::stop_token stop) {
    for (int i = 0; i < 900 && !stop.stop_requested() && client.send("x"); ++i)
      std::this_thread::sleep_for(50ms);  // it is what drips
  });
  EXPECT_EQ(client.read().status, 408u);
  drip.request_stop();
  EXPECT_EQ(error_seen(), ErrorKind::timeout);
}

// The body comes together with the head: nothing of it has to be waited for.
TEST_F(HttpRequestBody, ASlowHandlerIsNoStall) {
  options.body_timeout = options.tick = 10ms;
  routes["/slow"] = [this](const Request& request) -> boost::asio::awaitable<Response> {
    co_await sleep_for(100ms);  // the handler is what is slow
    co_return co_await echo(request);
  };
  RawClient client(start().port());
  ASSERT_TRUE(client.send(put("/slow", length(10), "0123456789")));
  EXPECT_EQ(client.read().body, "0123456789|length|/slow");
}

TEST_F(HttpRequestBody, AHandlerThatReadsIsEndedWithTheGrace) {
  std::atomic<bool> reading{false};
  options.body_timeout = 600s;
  routes["/wait"] = [&](const Request& request) -> boost::asio::awaitable<Response> {
    reading = true;
    co_return co_await echo(request);
  };
  auto& server = start();
  RawClient client(server.port());
  ASSERT_TRUE(client.send(put("/wait", length(10), "0")));
  while (!reading) std::this_thread::yield();
  server.drain(Deadline::after(0s));
  EXPECT_TRUE(error_seen().has_value());
  EXPECT_EQ(client.read().status, 0u);
}

}  // namespace
}  // namespace ncps::http
