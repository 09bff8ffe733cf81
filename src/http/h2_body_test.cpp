// Bodies of requests over HTTP/2: whole, late, broken, unread, many at once.
#include "http/h2_body.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "http/testing/h2_client.h"
#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::Gate;
using testing::H2Client;
using testing::pattern;

struct H2RequestBody : testing::ServerTest {
  Gate gate;
  std::mutex mutex;
  std::vector<ErrorKind> errors;  // guarded by mutex

  H2RequestBody() {
    options.body_timeout = 30s;
    routes["/echo"] = [this](const Request& request) { return echo(request); };
    routes["/gated"] = [this](const Request& request) -> asio::awaitable<Response> {
      co_await gate.pass();
      co_return co_await echo(request);
    };
    routes["/refuse"] = [](const Request&) -> asio::awaitable<Response> {
      co_return text_response(403, "no");
    };
    routes["/taste"] = [](const Request& request) -> asio::awaitable<Response> {
      auto piece = co_await request.body->next();
      co_return text_response(piece ? 413 : 400, "enough");
    };
  }

  asio::awaitable<Response> echo(const Request& request) {
    Response response;
    std::string all;
    if (request.body == nullptr) co_return text_response(411, "none");
    for (;;) {
      auto piece = co_await request.body->next();
      if (!piece) {
        std::lock_guard lock(mutex);
        errors.push_back(piece.error().kind());
        co_return text_response(400, "broken");
      }
      if (piece_size(*piece) == 0) break;
      all += std::get<std::string_view>(*piece);
    }
    all += request.content_length ? "|length" : "|open";
    response.body = std::move(all);
    co_return response;
  }

  std::optional<ErrorKind> error_seen() {
    for (auto deadline = Deadline::after(20s); !deadline.passed(); std::this_thread::yield()) {
      std::lock_guard lock(mutex);
      if (!errors.empty()) return errors.front();
    }
    return std::nullopt;
  }

  static H2Client::Fields length(std::size_t size) {
    return {{"content-length", std::to_string(size)}};
  }
};

TEST_F(H2RequestBody, ComesWholeWithAndWithoutALength) {
  auto body = pattern(3'000'000);  // more than every window
  H2Client client(start().port());
  for (std::size_t size : {std::size_t{1}, std::size_t{20'000}, body.size()}) {
    auto text = body.substr(0, size);
    EXPECT_TRUE(client.read(client.put("/echo", text, length(size))).body == text + "|length");
    EXPECT_TRUE(client.read(client.put("/echo", text)).body == text + "|open");
  }
  EXPECT_EQ(client.read(client.put("/echo", "", length(0))).status, 411u);
  EXPECT_EQ(client.read(client.ask("PUT", "/echo")).status, 411u);
}

TEST_F(H2RequestBody, ManyComeAtOnce) {
  auto body = pattern(300'000);
  H2Client client(start().port());
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 50; ++i) streams.push_back(client.put("/echo", body));
  for (auto id : streams) ASSERT_TRUE(client.read(id).body == body + "|open");
}

// The ones that nobody reads yet hold what they may, and the connection has room all the same.
TEST_F(H2RequestBody, ThoseThatNobodyReadsYetHoldUpNobody) {
  auto body = pattern(300'000);
  H2Client client(start().port());
  EXPECT_EQ(client.read(client.get("/hello")).status, 200u);  // the settings are known from here on
  std::vector<std::int32_t> waiting;
  for (int i = 0; i < 200; ++i) waiting.push_back(client.put("/gated", body));
  EXPECT_TRUE(client.read(client.put("/echo", body)).body == body + "|open");
  for (auto id : waiting) EXPECT_LE(client.sent_of(id), 16'384u);
  gate.open();
  for (auto id : waiting) ASSERT_TRUE(client.read(id).body == body + "|open");
}

TEST_F(H2RequestBody, ExpectIsAnsweredWhenTheHandlerReadsAndNotIfItRefuses) {
  H2Client client(start().port());
  auto id = client.put("/echo", "body", {{"expect", "100-continue"}});
  client.hold(id, 0);
  ASSERT_TRUE(client.until([&] { return client.answer(id).interim == 1; }));
  EXPECT_EQ(client.answer(id).status, 100u);
  client.let_go(id, SIZE_MAX);
  EXPECT_EQ(client.read(id).body, "body|open");
  EXPECT_EQ(client.answer(id).interim, 1);
  auto refused = client.put("/refuse", "body", {{"expect", "100-continue"}});
  client.hold(refused, 0);
  EXPECT_EQ(client.read(refused).status, 403u);
  EXPECT_EQ(client.answer(refused).interim, 0);
}

TEST_F(H2RequestBody, OneThatIsNotReadToItsEndIsEndedByUsAndTheConnectionGoesOn) {
  auto body = pattern(5'000'000);
  H2Client client(start().port());
  for (auto path : {"/refuse", "/taste"}) {
    auto& answer = client.read(client.put(path, body, length(body.size())));
    EXPECT_EQ(answer.status, path == std::string_view("/refuse") ? 403u : 413u);
    EXPECT_TRUE(answer.whole()) << path;
    EXPECT_EQ(answer.code, NGHTTP2_NO_ERROR) << path;
  }
  EXPECT_EQ(client.read(client.get("/hello")).body, "hello\n");
}

TEST_F(H2RequestBody, AShorterOrLongerOneThanItsLengthIsAnError) {
  auto port = start().port();
  for (std::size_t said : {999, 1001}) {
    H2Client client(port);
    EXPECT_EQ(client.read(client.put("/echo", pattern(1000), length(said))).code,
              NGHTTP2_PROTOCOL_ERROR);
    EXPECT_EQ(error_seen(), ErrorKind::invalid);
    EXPECT_EQ(client.read(client.get("/hello")).body, "hello\n");
    std::lock_guard lock(mutex);
    errors.clear();
  }
}

TEST_F(H2RequestBody, OneThatIsTakenBackOrWhoseClientLeavesIsAnError) {
  auto port = start().port();
  for (bool leaves : {false, true}) {
    {
      H2Client client(port);
      auto id = client.put("/echo", pattern(1000));
      client.hold(id, 500);
      ASSERT_TRUE(client.flush());
      EXPECT_EQ(client.read(client.get("/hello")).status, 200u);
      if (!leaves) {
        client.reset(id);
        EXPECT_EQ(client.read(client.get("/hello")).status, 200u);
      }
    }
    EXPECT_EQ(error_seen(), ErrorKind::invalid) << leaves;
    std::lock_guard lock(mutex);
    errors.clear();
  }
}

TEST_F(H2RequestBody, AStalledOneIsGivenUpWith408AndTheOthersGoOn) {
  options.body_timeout = options.tick = 10ms;
  H2Client client(start().port());
  auto id = client.put("/echo", pattern(1000));
  client.hold(id, 10);
  auto& answer = client.read(id);
  EXPECT_EQ(answer.status, 408u);
  EXPECT_TRUE(answer.whole());
  EXPECT_EQ(error_seen(), ErrorKind::timeout);
  EXPECT_EQ(client.read(client.get("/hello")).body, "hello\n");
}

TEST_F(H2RequestBody, OneThatOnlyDripsIsGivenUp) {
  options.body_timeout = 60s;
  options.body_rate = {.bytes = 1'000, .within = 200ms};
  options.tick = 10ms;
  H2Client client(start().port());
  auto id = client.put("/echo", pattern(900));
  client.hold(id, 0);
  for (std::size_t sent = 1; sent < 900 && client.answer(id).status == 0; ++sent) {
    client.let_go(id, sent);
    // The round trip of another request is the drip's clock.
    if (client.read(client.get("/hello")).status != 200) break;
    std::this_thread::sleep_for(20ms);  // it is what drips
  }
  EXPECT_EQ(client.read(id).status, 408u);
  EXPECT_EQ(error_seen(), ErrorKind::timeout);
}

// All of the body is here before the handler gets slow: nothing of it has to be waited for.
TEST_F(H2RequestBody, ASlowHandlerIsNoStall) {
  options.body_timeout = options.tick = 10ms;
  routes["/slow"] = [this](const Request& request) -> asio::awaitable<Response> {
    co_await gate.pass();
    co_await sleep_for(100ms);
    co_return co_await echo(request);
  };
  H2Client client(start().port());
  auto id = client.put("/slow", pattern(10'000));
  ASSERT_TRUE(client.flush());
  EXPECT_EQ(client.read(client.get("/hello")).status, 200u);
  gate.open();
  EXPECT_TRUE(client.read(id).body == pattern(10'000) + "|open");
}

TEST_F(H2RequestBody, AHandlerThatReadsIsEndedWithTheGrace) {
  options.body_timeout = 600s;
  auto& server = start();
  H2Client client(server.port());
  auto id = client.put("/echo", "0123456789");
  client.hold(id, 1);
  EXPECT_EQ(client.read(client.get("/hello")).status, 200u);
  server.drain(Deadline::after(0s));
  EXPECT_EQ(error_seen(), ErrorKind::invalid);
  EXPECT_EQ(server.connections(), 0u);
}

}  // namespace
}  // namespace ncps::http
