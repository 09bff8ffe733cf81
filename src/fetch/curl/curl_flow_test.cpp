#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "codec/testing/compress.h"
#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

constexpr std::size_t kMiB = 1 << 20;

std::string head_for(std::size_t bytes) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

// How a transfer is slowed down, and how it ends before its time.
struct CurlFlow : CurlTest {};

TEST_F(CurlFlow, ABodyThatNobodyReadsIsNotFetched) {
  const auto bytes = http::testing::pattern(64 * kMiB);
  std::promise<std::size_t> blocked;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send(head_for(bytes.size()));
    auto sent = connection.send_until_blocked(bytes, 5'000);
    blocked.set_value(sent);
    connection.send(std::string_view(bytes).substr(sent));
  });
  // More than a busy machine may hold up a server that sends.
  HttpRequest request{.url = server.url(), .timeouts = {.stall = 4s}};
  auto answer = fetch(std::move(request)).value();
  // The server has been blocked for longer than the stall timeout when this comes.
  EXPECT_LT(blocked.get_future().get(), 24 * kMiB);
  auto whole = read(*answer.body);
  EXPECT_FALSE(whole.error) << whole.error->what();
  EXPECT_TRUE(whole.text == bytes);
  EXPECT_LE(whole.largest_piece, kMiB + 256 * 1024);
}

TEST_F(CurlFlow, AReaderThatPausesIsNotAStalledUpstream) {
  const auto bytes = http::testing::pattern(32 * kMiB);
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send(head_for(bytes.size()));
    connection.send(bytes);
  });
  HttpRequest request{.url = server.url(), .timeouts = {.stall = 4s}};
  auto answer = fetch(std::move(request)).value();
  auto slowly = [&]() -> Task<std::string> {
    std::string text;
    for (int pieces = 0;; ++pieces) {
      CO_TRY(auto piece, co_await answer.body->next());
      if (piece_size(piece) == 0) co_return text;
      text.append(std::get<std::string_view>(piece));
      if (pieces == 0) co_await sleep_for(9s);  // twice the stall timeout
    }
  };
  auto text = block_on(runtime, slowly());
  ASSERT_TRUE(text.has_value()) << text.error().what();
  EXPECT_TRUE(*text == bytes);
}

TEST_F(CurlFlow, AnUpstreamThatDripsIsNotStalled) {
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send(head_for(20));
    for (int i = 0; i < 20; ++i) {
      std::this_thread::sleep_for(250ms);
      if (!connection.send("x")) return;
    }
  });
  HttpRequest request{.url = server.url(), .timeouts = {.stall = 4s}};
  auto answer = fetch(std::move(request)).value();
  auto whole = read(*answer.body);
  EXPECT_FALSE(whole.error) << whole.error->what();
  EXPECT_EQ(whole.text, std::string(20, 'x'));
}

TEST_F(CurlFlow, WhatIsDecodedIsPacedToo) {
  const std::string plain(48 * kMiB, '\0');
  auto packed = codec::compress(nix::Compression::gzip, plain);
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                    std::to_string(packed.size()) + "\r\n\r\n");
    connection.send(packed);
  });
  auto answer = fetch({.url = server.url(), .decode = Decode::yes}).value();
  auto whole = read(*answer.body);
  EXPECT_FALSE(whole.error) << whole.error->what();
  EXPECT_TRUE(whole.text == plain);
  EXPECT_LE(whole.largest_piece, kMiB + 256 * 1024);
}

TEST_F(CurlFlow, DestroyingTheBodyEndsTheTransfer) {
  for (bool paused : {false, true}) {
    std::promise<void> blocked;
    std::promise<bool> ended;
    RawServer server([&](RawConnection& connection) {
      connection.read_head();
      connection.send(head_for(64 * kMiB));
      connection.send("begun");
      if (paused) connection.send_until_blocked(std::string(32 * kMiB, 'x'), 500);
      blocked.set_value();
      ended.set_value(connection.wait_for_end());
    });
    auto answer = fetch({.url = server.url()}).value();
    ASSERT_TRUE(next(*answer.body).has_value());
    blocked.get_future().wait();
    answer.body.reset();
    EXPECT_TRUE(ended.get_future().get()) << paused;
  }
}

TEST_F(CurlFlow, ACancelledFetchEndsItsTransfer) {
  std::promise<void> asked;
  std::promise<bool> ended;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    asked.set_value();
    ended.set_value(connection.wait_for_end());
  });
  asio::cancellation_signal cancel;
  std::promise<void> done;
  auto& loop = runtime.loop(0);
  auto body = [&]() -> asio::awaitable<void> {
    HttpRequest request{.url = server.url(), .timeouts = {.head = 1h}};
    static_cast<void>(co_await client->fetch(std::move(request), Deadline::never()));
  };
  auto on_end =
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { done.set_value(); });
  asio::co_spawn(loop, body(), std::move(on_end));
  asked.get_future().wait();
  asio::post(loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
  done.get_future().wait();
  EXPECT_TRUE(ended.get_future().get());
}

struct CurlStop : CurlTest {
  // Answers /head never, /body with five bytes and nothing more, /full with all there is.
  std::promise<void> head_asked;
  RawServer::Script script = [this](RawConnection& connection) {
    auto head = connection.read_head();
    if (head.starts_with("GET /head")) head_asked.set_value();
    if (head.starts_with("GET /body")) connection.send(head_for(10) + "01234");
    if (head.starts_with("GET /full")) {
      connection.send(head_for(64 * kMiB));
      connection.send(std::string(64 * kMiB, 'x'));
    }
    connection.wait_for_end();
  };

  static HttpRequest patient(std::string url) {
    return {.url = std::move(url), .timeouts = {.head = 1h, .stall = 1h}};
  }

  std::future<Result<HttpAnswer>> fetch_aside(std::string url) {
    return std::async(std::launch::async, [this, url] {
      std::optional<Blame> unused;
      return block_on(runtime, fetch_from(*client, patient(url), Deadline::never(), unused));
    });
  }
};

TEST_F(CurlStop, AnAnswerThatIsSlowHoldsUpNobodyElse) {
  RawServer server(script);
  auto waiting = fetch_aside(server.url("/head"));
  head_asked.get_future().wait();
  auto body = fetch(patient(server.url("/body")), Deadline::after(10s));
  EXPECT_TRUE(body.has_value()) << body.error().what();
  client->stop();
  EXPECT_FALSE(waiting.get().has_value());
}

TEST_F(CurlStop, EndsAllTransfersAndEveryLaterOne) {
  RawServer server(script);
  auto waiting = fetch_aside(server.url("/head"));
  head_asked.get_future().wait();
  auto body = fetch(patient(server.url("/body"))).value();
  EXPECT_EQ(next(*body.body).value(), "01234");
  auto full = fetch(patient(server.url("/full"))).value();

  client->stop();
  auto answer = waiting.get();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::upstream);
  auto broken = read(*body.body);
  EXPECT_EQ(broken.text, "");
  EXPECT_TRUE(broken.error);
  broken = read(*full.body);
  EXPECT_LT(broken.text.size(), 64 * kMiB);
  EXPECT_TRUE(broken.error);

  auto connections = server.connections();
  for (int i = 0; i < 3; ++i) {
    auto late = fetch(patient(server.url("/body")), Deadline::never());
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().kind(), ErrorKind::upstream);
  }
  EXPECT_EQ(server.connections(), connections);
  client->stop();  // again does nothing
}

TEST_F(CurlStop, ABodyOutlivesItsClientAsAnError) {
  RawServer server(script);
  auto body = fetch(patient(server.url("/body"))).value();
  EXPECT_EQ(next(*body.body).value(), "01234");
  auto full = fetch(patient(server.url("/full"))).value();
  client.reset();
  EXPECT_TRUE(read(*body.body).error);
  EXPECT_TRUE(read(*full.body).error);
}

TEST_F(CurlStop, ACompleteBodyOutlivesItsClientWhole) {
  auto answer = fetch({.url = local(start().port(), "/hello")}).value();
  auto whole = read(*answer.body);
  client.reset();
  EXPECT_EQ(whole.text, "hello\n");
  answer.body.reset();  // and its end asks nothing of what is gone
}

TEST_F(CurlStop, AClientThatWasNeverAskedEndsAtOnce) {
  for (int i = 0; i < 50; ++i) make_curl_client({.user_agent = "x"});
}

}  // namespace
}  // namespace ncps::fetch
