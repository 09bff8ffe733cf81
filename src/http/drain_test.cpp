// How a server stops.
#include <gtest/gtest.h>

#include <future>

#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::Gate;
using testing::PieceSource;
using testing::RawClient;
using testing::response_of;

struct HttpDrain : testing::ServerTest {
  Gate gate;
  std::promise<void> entered;

  HttpDrain() {
    routes["/gated"] = [this](const Request&) -> asio::awaitable<Response> {
      entered.set_value();
      co_await gate.pass();
      co_return text_response(200, "through the gate");
    };
    routes["/slow-body"] = [this](const Request&) -> asio::awaitable<Response> {
      entered.set_value();
      auto source = std::make_unique<PieceSource>();
      source->pieces = {"abc", "def"};
      source->gate = &gate;
      source->gated = 1;
      co_return response_of(std::move(source), 6);
    };
  }

  std::future<void> drain(Server& server, Deadline grace) {
    return std::async(std::launch::async, [&server, grace] { server.drain(grace); });
  }
};

TEST_F(HttpDrain, ClosesIdleConnectionsAndAnswersWhatIsInFlight) {
  auto& server = start();
  RawClient fresh(server.port()), used(server.port()), busy(server.port());
  ASSERT_TRUE(used.get("/hello"));
  EXPECT_EQ(used.read().status, 200u);
  ASSERT_TRUE(busy.get("/gated"));
  entered.get_future().wait();

  auto drained = drain(server, Deadline::never());
  EXPECT_TRUE(used.ends_cleanly());  // from here on the drain has begun
  EXPECT_TRUE(fresh.ends_cleanly());
  EXPECT_EQ(fresh.rest(), "");
  gate.open();
  auto answer = busy.read();
  EXPECT_EQ(answer.body, "through the gate\n");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(busy.ends_cleanly());
  drained.get();
  EXPECT_EQ(server.connections(), 0u);
  EXPECT_FALSE(RawClient(server.port()).connected());
}

TEST_F(HttpDrain, FinishesABodyThatHasBegun) {
  auto& server = start();
  RawClient idle(server.port()), busy(server.port());
  ASSERT_TRUE(idle.get("/hello"));
  EXPECT_EQ(idle.read().status, 200u);
  ASSERT_TRUE(busy.get("/slow-body"));
  while (!busy.rest().ends_with("abc")) ASSERT_TRUE(busy.more());
  auto drained = drain(server, Deadline::never());
  EXPECT_TRUE(idle.ends_cleanly());
  gate.open();
  auto answer = busy.read();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, "abcdef");
  EXPECT_TRUE(busy.ends_cleanly());
  drained.get();
}

TEST_F(HttpDrain, AbortsAtTheEndOfGraceWhatIsStillThere) {
  auto& server = start();
  RawClient handler(server.port()), half(server.port());
  ASSERT_TRUE(half.send("GET / HTT"));
  ASSERT_TRUE(handler.get("/gated"));
  entered.get_future().wait();
  auto drained = drain(server, Deadline::after(10ms));
  EXPECT_FALSE(handler.read().complete);
  EXPECT_TRUE(handler.reset());
  EXPECT_FALSE(half.read().complete);
  // The handler belongs to its caller: the drain waits for it.
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
  gate.open();
  drained.get();
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpDrain, AtTheEndOfGraceTheCallerCanEndWhatHandlersWaitFor) {
  auto& server = start();
  RawClient handler(server.port());
  ASSERT_TRUE(handler.get("/gated"));
  entered.get_future().wait();
  server.drain(Deadline::after(10ms), [&] { gate.open(); });  // would block for ever without
  EXPECT_FALSE(handler.read().complete);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpDrain, WhatNobodyCanEndIsWaitedForOnlySoLong) {
  auto& server = start();
  RawClient handler(server.port());
  ASSERT_TRUE(handler.get("/gated"));
  entered.get_future().wait();
  EXPECT_FALSE(server.drain(Deadline::after(0ms), [] {}, 10ms));
  EXPECT_EQ(server.connections(), 1u);
  gate.open();
  EXPECT_TRUE(server.drain(Deadline::never()));
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpDrain, AbortsABodyAtTheEndOfGrace) {
  auto& server = start();
  RawClient client(server.port());
  ASSERT_TRUE(client.get("/slow-body"));
  while (!client.rest().ends_with("abc")) ASSERT_TRUE(client.more());
  auto drained = drain(server, Deadline::after(10ms));
  EXPECT_FALSE(client.read().complete);
  EXPECT_TRUE(client.reset());
  gate.open();
  drained.get();
}

TEST_F(HttpDrain, ARequestThatIsThereAlreadyIsAnswered) {
  auto& server = start();
  RawClient client(server.port());
  ASSERT_TRUE(client.get("/gated"));
  entered.get_future().wait();
  ASSERT_TRUE(client.get("/hello"));  // pipelined: it waits in the socket
  RawClient idle(server.port());
  auto drained = drain(server, Deadline::never());
  EXPECT_TRUE(idle.ends_cleanly());
  gate.open();
  EXPECT_EQ(client.read().body, "through the gate\n");
  EXPECT_TRUE(client.ends_cleanly());
  drained.get();
}

TEST_F(HttpDrain, ASecondServerTakesOverWhileTheFirstDrains) {
  serve("/who", [] { return text_response(200, "first"); });
  auto& first = start();
  RawClient idle(first.port()), busy(first.port());
  ASSERT_TRUE(busy.get("/gated"));
  entered.get_future().wait();
  auto drained = drain(first, Deadline::never());
  EXPECT_TRUE(idle.ends_cleanly());  // the drain has begun, and cannot end before the gate opens

  ServerOptions same = options;
  same.address.port = first.port();
  auto second = Server::start(runtime, disk, same, [](const Request&) {
    return []() -> asio::awaitable<Response> { co_return text_response(200, "second"); }();
  });
  ASSERT_TRUE(second) << second.error().what();
  gate.open();
  EXPECT_EQ(busy.read().body, "through the gate\n");
  EXPECT_TRUE(busy.ends_cleanly());
  drained.get();

  RawClient client((*second)->port());
  ASSERT_TRUE(client.get("/who"));
  EXPECT_EQ(client.read().body, "second\n");
  (*second)->drain(Deadline::after(20s));
}

TEST_F(HttpDrain, MayBeAskedForTwice) {
  auto& server = start();
  server.drain(Deadline::never());
  server.drain(Deadline::never());
  EXPECT_FALSE(RawClient(server.port()).connected());
}

}  // namespace
}  // namespace ncps::http
