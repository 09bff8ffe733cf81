#include <gtest/gtest.h>

#include <atomic>

#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

namespace asio = boost::asio;
using http::Request;
using http::Response;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

struct CurlRedirects : CurlTest {
  void redirect(std::string from, std::string to, unsigned status = 302) {
    routes[std::move(from)] = [=](const Request&) -> asio::awaitable<Response> {
      auto response = http::text_response(status, "this body is nobody's");
      response.headers.push_back({"Location", to});
      response.headers.push_back({"Retry-After", "9"});
      co_return response;
    };
  }

  // Keeps what it was sent and says "there".
  struct Elsewhere {
    Guarded<std::string> seen;
    RawServer server{[this](RawConnection& connection) {
      for (;;) {
        auto head = connection.read_head();
        if (head.empty()) return;
        seen.with([&](auto& all) { all += head; });
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere");
      }
    }};
    std::string requests() {
      return seen.with([](auto& all) { return all; });
    }
  };
};

TEST_F(CurlRedirects, AreFollowedWithoutATraceOfThem) {
  for (unsigned status : {301u, 302u, 303u, 307u, 308u})
    redirect("/" + std::to_string(status), "/hello", status);
  auto port = start().port();
  for (auto path : {"/301", "/302", "/303", "/307", "/308"}) {
    auto answer = fetch({.url = local(port, path)}).value();
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.content_length, 6u) << path;
    EXPECT_FALSE(answer.retry_after) << path;
    EXPECT_EQ(read(*answer.body).text, "hello\n") << path;

    answer = fetch({.url = local(port, path), .verb = Verb::head}).value();
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.content_length, 6u) << path;
    EXPECT_EQ(read(*answer.body).text, "") << path;
  }
}

TEST_F(CurlRedirects, MayBeRelative) {
  redirect("/a/b", "../hello");
  auto answer = fetch({.url = local(start().port(), "/a/b")}).value();
  EXPECT_EQ(read(*answer.body).text, "hello\n");
}

TEST_F(CurlRedirects, TheRangeGoesWithThem) {
  Elsewhere elsewhere;
  redirect("/nar", elsewhere.server.url("/cdn"));
  auto answer = fetch({.url = local(start().port(), "/nar"), .first_byte = 7}).value();
  EXPECT_EQ(read(*answer.body).text, "there");
  EXPECT_NE(elsewhere.requests().find("\r\nRange: bytes=7-\r\n"), std::string::npos);
  client.reset();
}

TEST_F(CurlRedirects, CredentialsAreForTheirOwnHostOnly) {
  Elsewhere elsewhere;
  auto port = std::to_string(elsewhere.server.port());
  redirect("/port", elsewhere.server.url("/cdn"));
  redirect("/name", "http://localhost:" + port + "/cdn");
  auto host = "127.0.0.1:" + std::to_string(start().port());
  for (auto path : {"/port", "/name"}) {
    auto answer = fetch({.url = "http://me:secret@" + host + path});
    ASSERT_TRUE(answer.has_value()) << answer.error().what();
    EXPECT_EQ(read(*answer->body).text, "there");
  }
  auto seen = elsewhere.requests();
  EXPECT_NE(seen.find("GET /cdn"), std::string::npos);
  EXPECT_EQ(seen.find("Authorization"), std::string::npos) << seen;
  EXPECT_EQ(seen.find("Referer"), std::string::npos) << seen;
  client.reset();
}

TEST_F(CurlRedirects, TenAreFollowedAndALoopEnds) {
  std::atomic<int> asked = 0;
  routes["/loop"] = [&](const Request&) -> asio::awaitable<Response> {
    ++asked;
    auto response = http::text_response(302, "again");
    response.headers.push_back({"Location", "/loop"});
    co_return response;
  };
  for (int i = 0; i < 10; ++i)
    redirect("/" + std::to_string(i), i == 9 ? "/hello" : "/" + std::to_string(i + 1));
  auto port = start().port();
  auto answer = fetch({.url = local(port, "/0")});
  ASSERT_TRUE(answer.has_value()) << answer.error().what();
  EXPECT_EQ(read(*answer->body).text, "hello\n");

  auto loop = fetch({.url = local(port, "/loop")});
  ASSERT_FALSE(loop.has_value());
  EXPECT_EQ(loop.error().kind(), ErrorKind::upstream);
  EXPECT_EQ(asked, 11);
}

TEST_F(CurlRedirects, LeadOnlyToHttp) {
  redirect("/file", "file:///etc/hostname");
  redirect("/ftp", "ftp://127.0.0.1/x");
  redirect("/dict", "dict://127.0.0.1/x");
  auto port = start().port();
  for (auto path : {"/file", "/ftp", "/dict"}) {
    auto answer = fetch({.url = local(port, path)});
    ASSERT_FALSE(answer.has_value()) << path;
    EXPECT_EQ(answer.error().kind(), ErrorKind::upstream);
  }
}

TEST_F(CurlRedirects, WithoutALocationIsAnAnswerLikeAnother) {
  serve("/nowhere", [] { return http::text_response(302, "nowhere"); });
  auto answer = fetch({.url = local(start().port(), "/nowhere")}).value();
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(read(*answer.body).text, "nowhere\n");
}

TEST_F(CurlRedirects, AnInterimAnswerIsNone) {
  RawServer server([](RawConnection& connection) {
    connection.read_head();
    connection.send(
        "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\nLink: </x>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    connection.wait_for_end();
  });
  auto answer = fetch({.url = server.url()}).value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_length, 2u);
  EXPECT_EQ(read(*answer.body).text, "hi");
  answer.body.reset();
  client.reset();
}

}  // namespace
}  // namespace ncps::fetch
