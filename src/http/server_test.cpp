#include "http/server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>

#include "base/testing/loopback.h"
#include "http/testing/server_fixture.h"
#include "telemetry/log.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::Answer;
using testing::Gate;
using testing::PieceSource;
using testing::RawClient;
using testing::ServerTest;

struct HttpServer : ServerTest {
  std::shared_ptr<const Prepared> narinfo =
      prepare(200, {{"Content-Type", "text/x-nix-narinfo"}}, std::string(1000, 'n'));

  HttpServer() {
    serve("/narinfo", [this] {
      Response response;
      response.body = narinfo;
      return response;
    });
  }
};

TEST_F(HttpServer, KeepsConnectionsAlive) {
  RawClient client(start().port());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.get(i % 2 == 0 ? "/hello" : "/narinfo"));
    auto answer = client.read();
    ASSERT_EQ(answer.status, 200u) << i;
    ASSERT_TRUE(answer.complete);
    ASSERT_EQ(answer.body, i % 2 == 0 ? "hello\n" : narinfo->body);
    ASSERT_TRUE(answer.has("\r\nDate: "));
    ASSERT_FALSE(answer.has("Connection:"));
  }
}

TEST_F(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  routes["/echo"] = [](const Request& request) -> asio::awaitable<Response> {
    co_return text_response(200, request.query);
  };
  RawClient client(start().port());
  std::string requests;
  for (int i = 0; i < 200; ++i)  // more than the small buffer holds
    requests += "GET /echo?" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client.read().body, std::to_string(i) + "\n");
}

TEST_F(HttpServer, HeadHasTheHeadersOfGetAndNoBody) {
  serve("/source", [] {
    auto source = std::make_unique<PieceSource>();
    source->pieces = {"abc"};
    return testing::response_of(std::move(source), 3);
  });
  serve("/length", [] {
    Response response;
    response.length = 12345;
    return response;
  });
  RawClient client(start().port());
  for (auto [path, length] :
       {std::pair("/hello", "6"), {"/narinfo", "1000"}, {"/source", "3"}, {"/length", "12345"}}) {
    ASSERT_TRUE(client.send("HEAD " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n"));
    auto answer = client.read(RawClient::To::head);
    EXPECT_EQ(answer.status, 200u);
    EXPECT_TRUE(answer.has("Content-Length: " + std::string(length) + "\r\n")) << answer.head;
    // A body byte would stand in front of this answer.
    ASSERT_TRUE(client.get("/hello"));
    EXPECT_EQ(client.read().body, "hello\n");
  }
}

TEST_F(HttpServer, HeadOfWhatHasNoKnownLengthSaysNone) {
  serve("/growing", [] { return Response(); });
  RawClient client(start().port());
  ASSERT_TRUE(client.send("HEAD /growing HTTP/1.1\r\nHost: a\r\n\r\n"));
  auto answer = client.read(RawClient::To::head);
  EXPECT_EQ(answer.status, 200u);
  EXPECT_FALSE(answer.has("Content-Length")) << answer.head;
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().body, "hello\n");
}

TEST_F(HttpServer, StatusesWithoutBodyHaveNoLength) {
  for (unsigned status : {204u, 304u})
    serve("/" + std::to_string(status), [status] {
      auto response = text_response(status, "must not be sent");
      return response;
    });
  RawClient client(start().port());
  for (auto path : {"/204", "/304"}) {
    ASSERT_TRUE(client.get(path));
    auto answer = client.read();
    EXPECT_FALSE(answer.has("Content-Length")) << answer.head;
    ASSERT_TRUE(client.get("/hello"));
    EXPECT_EQ(client.read().body, "hello\n");
  }
}

TEST_F(HttpServer, AResponseWithoutBodySaysSo) {
  serve("/nothing", [] {
    Response response;
    response.status = 201;
    return response;
  });
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/nothing"));
  EXPECT_TRUE(client.read().has("Content-Length: 0\r\n"));
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().body, "hello\n");
}

TEST_F(HttpServer, ClosesWhenTheClientAsksForIt) {
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/hello", "Connection: close\r\n"));
  auto answer = client.read();
  EXPECT_EQ(answer.body, "hello\n");
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(client.ends_cleanly());
}

TEST_F(HttpServer, SpeaksHttp10) {
  auto port = start().port();
  RawClient once(port);
  ASSERT_TRUE(once.send("GET /narinfo HTTP/1.0\r\n\r\n"));
  auto answer = once.read();
  EXPECT_EQ(answer.body, narinfo->body);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_TRUE(once.ends_cleanly());

  RawClient kept(port);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    answer = kept.read();
    EXPECT_EQ(answer.body, "hello\n");
    EXPECT_TRUE(answer.has("Connection: keep-alive\r\n"));
  }
}

TEST_F(HttpServer, AHeadMayComeByteByByte) {
  routes["/echo"] = [](const Request& request) -> asio::awaitable<Response> {
    co_return text_response(
        200, std::string(request.header("x-long")) + '|' + std::string(request.client));
  };
  RawClient client(start().port());
  std::string value(3000, 'v');  // and grows out of the small buffer
  std::string request = "\r\nGET /echo HTTP/1.1\r\nHost: a\r\nX-Long: " + value + "\r\n\r\n";
  for (char c : request) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  EXPECT_EQ(client.read().body, value + "|127.0.0.1\n");
}

TEST_F(HttpServer, RefusesBadHeadsAndCloses) {
  options.max_head_bytes = 4096;
  options.max_target_bytes = 1024;
  auto port = start().port();
  const std::pair<std::string, unsigned> rows[] = {
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"nonsense\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n", 417},
      {"GET /" + std::string(1024, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(1200, 'x'), 414},  // its line has not even ended
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4096, 'x'), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4096, 'x') + "\r\n\r\n", 431},
  };
  for (const auto& [request, status] : rows) {
    RawClient client(port);
    ASSERT_TRUE(client.send(request));
    auto answer = client.read();
    EXPECT_EQ(answer.status, status) << request.substr(0, 60);
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(answer.has("Connection: close\r\n"));
    EXPECT_TRUE(client.ends_cleanly()) << request.substr(0, 60);
  }
}

TEST_F(HttpServer, HeadsUpToTheLimitAreRead) {
  options.max_head_bytes = 4096;
  RawClient client(start().port());
  std::string head = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
  head += std::string(4096 - head.size() - 4, 'x') + "\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(head));
    EXPECT_EQ(client.read().body, "hello\n");
  }
}

TEST_F(HttpServer, WhatFollowsABadHeadIsNotARequest) {
  std::atomic<int> asked{0};
  routes["/asked"] = [&](const Request&) -> asio::awaitable<Response> {
    ++asked;
    co_return text_response(200, "asked");
  };
  RawClient client(start().port());
  ASSERT_TRUE(client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
      "GET /asked HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(client.read().status, 400u);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(client.rest(), "");
  EXPECT_EQ(asked, 0);
}

TEST_F(HttpServer, ExpectContinueWithoutABodyIsIgnored) {
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/hello", "Expect: 100-continue\r\n"));
  EXPECT_EQ(client.read().status, 200u);
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().status, 200u);
}

TEST_F(HttpServer, ARequestWithABodyGetsItsFinalStatusAtOnceAndTheConnectionCloses) {
  auto port = start().port();
  for (std::string line : {"Content-Length: 100\r\nExpect: 100-continue\r\n",
                           "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"}) {
    RawClient client(port);
    ASSERT_TRUE(client.send("PUT /hello HTTP/1.1\r\nHost: a\r\n" + line + "\r\n"));
    auto answer = client.read();
    EXPECT_EQ(answer.status, 200u);
    EXPECT_TRUE(answer.has("Connection: close\r\n"));
    EXPECT_TRUE(client.ends_cleanly());
  }
}

TEST_F(HttpServer, ABodyOnGetIsNotTakenForARequest) {
  RawClient client(start().port());
  std::string smuggled = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string length = "Content-Length: " + std::to_string(smuggled.size()) + "\r\n";
  ASSERT_TRUE(client.get("/narinfo", length));
  ASSERT_TRUE(client.send(smuggled));
  EXPECT_EQ(client.read().body, narinfo->body);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServer, AHandlersExceptionIs500AndTheConnectionLives) {
  routes["/throw"] = [](const Request&) -> asio::awaitable<Response> {
    throw std::runtime_error("on purpose in a test");
    co_return Response{};
  };
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/throw"));
  EXPECT_EQ(client.read().status, 500u);
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().status, 200u);
}

TEST_F(HttpServer, ASlowHeadIs408) {
  options.head_timeout = 5s;  // over TLS the handshake is within it
  RawClient client(start().port());
  ASSERT_TRUE(client.send("GET /hello HTTP/1.1\r\n"));
  EXPECT_EQ(client.read().status, 408u);
  EXPECT_TRUE(client.ends_cleanly());
}

TEST_F(HttpServer, AnIdleConnectionIsClosedAfterItsTime) {
  options.idle_timeout = 5s;  // which a client that was held up needs for its first request
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().status, 200u);
  EXPECT_TRUE(client.ends_cleanly());
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServer, AClientThatTakesNothingIsGivenUp) {
  options.write_timeout = 1s;
  serve("/large", [] {
    Response response;
    response.body = std::string(64 << 20, 'x');
    return response;
  });
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/large"));
  EXPECT_TRUE(client.wait_for_reset());
}

TEST_F(HttpServer, BeyondTheLimitConnectionsGet503) {
  options.max_connections = 1;
  auto& server = start();
  RawClient first(server.port());
  ASSERT_TRUE(first.get("/hello"));
  EXPECT_EQ(first.read().status, 200u);
  RawClient second(server.port());
  auto answer = second.read();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.has("Retry-After: 1\r\n"));
  EXPECT_TRUE(second.ends_cleanly());
  ASSERT_TRUE(first.get("/hello"));
  EXPECT_EQ(first.read().status, 200u);
  EXPECT_EQ(server.connections(), 1u);
}

// Takes descriptors until the process may have no more.
std::vector<UniqueFd> take_all_descriptors() {
  std::vector<UniqueFd> taken;
  for (;;) {
    UniqueFd fd(::dup(2));
    if (!fd) return taken;
    taken.push_back(std::move(fd));
  }
}

TEST_F(HttpServer, WithoutDescriptorsTheListenerWaitsAndGoesOn) {
  auto port = start().port();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few{.rlim_cur = 256, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  auto taken = take_all_descriptors();
  ASSERT_FALSE(taken.empty());
  taken.pop_back();
  RawClient client(port);  // the kernel connects it; the server has no descriptor for it
  EXPECT_TRUE(client.get("/hello"));
  EXPECT_FALSE(client.readable_within(150ms));
  taken.clear();
  EXPECT_EQ(client.read().status, 200u);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(HttpServer, LogsOneLineForEachRequest) {
  serve("/hit", [this] {
    Response response;
    response.body = narinfo;
    response.cache = "hit";
    return response;
  });
  ::testing::internal::CaptureStdout();
  log::start(log::Level::info, log::Format::json);
  auto& server = start();
  RawClient client(server.port());
  EXPECT_TRUE(client.get("/hit?a=b"));
  EXPECT_EQ(client.read().status, 200u);
  EXPECT_TRUE(client.get("/nowhere"));
  EXPECT_EQ(client.read().status, 404u);
  server.drain(Deadline::never());
  log::stop();
  auto text = ::testing::internal::GetCapturedStdout();
  auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(
      has(R"("method":"GET","request_uri":"/hit?***","status":200,"bytes":1000,"elapsed":)"))
      << text;
  EXPECT_TRUE(has(R"("from":"127.0.0.1","cache":"hit","message":"handled request"})")) << text;
  EXPECT_TRUE(has(R"("request_uri":"/nowhere","status":404,"bytes":10,"elapsed":)")) << text;
  EXPECT_TRUE(has(R"("from":"127.0.0.1","message":"handled request"})")) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
}

// A path may be a secret only by a client's own mistake; a query is where tokens travel.
TEST_F(HttpServer, LogsNoQueryAndNoUserOfATarget) {
  serve("/hit", [] { return text_response(200, "x"); });
  ::testing::internal::CaptureStdout();
  log::start(log::Level::info, log::Format::json);
  auto& server = start();
  RawClient client(server.port());
  client.send("GET http://user:hunter2@host/hit?token=hunter2 HTTP/1.1\r\nHost: host\r\n\r\n");
  EXPECT_EQ(client.read().status, 200u);
  EXPECT_TRUE(client.get("/hit"));
  EXPECT_EQ(client.read().status, 200u);
  server.drain(Deadline::never());
  log::stop();
  auto text = ::testing::internal::GetCapturedStdout();
  EXPECT_FALSE(text.contains("hunter2")) << text;
  EXPECT_TRUE(text.contains(R"("request_uri":"/hit?***")")) << text;
  EXPECT_TRUE(text.contains(R"("request_uri":"/hit",)")) << text;
}

TEST_F(HttpServer, CountsWhatItAnswers) {
  metrics::Registry registry;
  options.probe = ServerProbe(registry);
  auto ours = registry.counter({"ours_total", "x"});
  serve("/hit", [this, ours] {
    Response response;
    response.body = narinfo;
    response.sent = ours;
    return response;
  });
  auto& server = start();
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.get("/hit"));
    EXPECT_EQ(client.read().status, 200u);
  }
  client.send("HEAD /hit HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read(RawClient::To::head).status, 200u);
  client.send("nonsense\r\n\r\n");
  EXPECT_EQ(client.read().status, 400u);
  server.drain(Deadline::never());
  auto counted = [&](std::string_view method, std::string_view status) {
    return registry
        .counter({"http_server_requests_total", "x"},
                 {{"http_request_method", std::string(method)},
                  {"http_response_status_code", std::string(status)}})
        .value();
  };
  EXPECT_EQ(counted("GET", "200"), 3u);
  EXPECT_EQ(counted("HEAD", "200"), 1u);
  EXPECT_EQ(counted("_OTHER", "400"), 1u);
  EXPECT_EQ(counted("GET", "404"), 0u);
  EXPECT_EQ(ours.value(), 3 * narinfo->body.size());
  EXPECT_EQ(options.probe.sent_bytes.value(), 3 * narinfo->body.size());
  EXPECT_EQ(options.probe.accepted.value(), 1u);
  EXPECT_EQ(options.probe.active.value(), 0);
}

TEST_F(HttpServer, ListensOnIpv4WithoutAHost) {
  options.address.host = "";
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/hello"));
  EXPECT_EQ(client.read().status, 200u);
}

TEST_F(HttpServer, AnAddressThatIsTakenIsAnError) {
  auto other = ncps::testing::listening_on_loopback();
  options.address.port = other.port;
  auto server = Server::start(runtime, disk, options, [](const Request&) {
    return []() -> asio::awaitable<Response> { co_return Response{}; }();
  });
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().kind(), ErrorKind::unavailable);
  EXPECT_NE(server.error().what().find("127.0.0.1:"), std::string::npos) << server.error().what();
}

}  // namespace
}  // namespace ncps::http
