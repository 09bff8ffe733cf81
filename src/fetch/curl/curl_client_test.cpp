#include "fetch/curl/curl_client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "codec/testing/compress.h"
#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"
#include "rt/task_group.h"
#include "upstream/upstream_url.h"

namespace ncps::fetch {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using http::Request;
using http::Response;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

struct CurlClient : CurlTest {
  // Answers with the fields of the request that it saw.
  void serve_echo() {
    routes["/echo"] = [](const Request& request) -> asio::awaitable<Response> {
      std::string seen(request.method_name);
      seen.append(" ").append(request.target).append("\n");
      for (std::string_view name :
           {"User-Agent", "Range", "Accept-Encoding", "Authorization", "Accept"}) {
        seen.append(name).append("=").append(request.header(name)).append("\n");
      }
      co_return http::text_response(200, seen);
    };
  }

  void serve_status(std::string path, unsigned status, std::vector<http::Header> headers,
                    std::string body) {
    routes[std::move(path)] = [=](const Request&) -> asio::awaitable<Response> {
      Response response{.status = status, .headers = headers};
      response.body = body;
      co_return response;
    };
  }
};

TEST_F(CurlClient, GivesTheHeadAndThenTheBody) {
  auto port = start().port();
  auto answer = fetch({.url = local(port, "/hello")}).value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_length, 6u);
  EXPECT_FALSE(answer.content_range || answer.retry_after);
  auto whole = read(*answer.body);
  EXPECT_EQ(whole.text, "hello\n");
  EXPECT_FALSE(whole.error);
}

TEST_F(CurlClient, EveryStatusIsAnAnswer) {
  for (unsigned status : {204u, 304u, 400u, 401u, 404u, 410u, 429u, 500u, 503u})
    serve_status("/" + std::to_string(status), status, {{"Retry-After", "7"}}, "why");
  auto port = start().port();
  for (int status : {204, 304, 400, 401, 404, 410, 429, 500, 503}) {
    auto answer = fetch({.url = local(port, "/" + std::to_string(status))});
    ASSERT_TRUE(answer.has_value()) << answer.error().what();
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->retry_after, 7s);
    auto whole = read(*answer->body);
    EXPECT_EQ(whole.text, status == 204 || status == 304 ? "" : "why");
    EXPECT_FALSE(whole.error);
  }
}

TEST_F(CurlClient, SaysWhoItIsAndAsksForNothingElse) {
  serve_echo();
  auto answer = fetch({.url = local(start().port(), "/echo?a=%2F&b")}).value();
  EXPECT_EQ(read(*answer.body).text,
            "GET /echo?a=%2F&b\nUser-Agent=ncps/test\nRange=\nAccept-Encoding=\nAuthorization=\n"
            "Accept=*/*\n\n");
}

TEST_F(CurlClient, AsksForTheRestAndForEncodings) {
  serve_echo();
  auto port = start().port();
  auto answer = fetch({.url = local(port, "/echo"), .first_byte = 5'000'000'000}).value();
  EXPECT_NE(read(*answer.body).text.find("\nRange=bytes=5000000000-\n"), std::string::npos);

  answer = fetch({.url = local(port, "/echo"), .decode = Decode::yes}).value();
  auto seen = read(*answer.body).text;
  for (auto name : {"gzip", "br", "zstd"}) EXPECT_NE(seen.find(name), std::string::npos) << seen;
}

TEST_F(CurlClient, FromAPositionOnNoEncodingIsAskedForOrUndone) {
  serve_echo();
  auto packed = codec::compress(nix::Compression::gzip, "some text");
  serve_status("/packed", 206, {{"Content-Range", "bytes 5-99/*"}, {"Content-Encoding", "gzip"}},
               packed);
  serve_status("/plain", 200, {{"Content-Encoding", "Identity"}}, "text");
  auto port = start().port();
  auto ask = [&](const char* path, Decode decode, std::uint64_t from) {
    return fetch({.url = local(port, path), .first_byte = from, .decode = decode}).value();
  };
  auto answer = ask("/echo", Decode::yes, 5);
  auto seen = read(*answer.body).text;
  EXPECT_NE(seen.find("\nRange=bytes=5-\nAccept-Encoding=\n"), std::string::npos) << seen;
  EXPECT_FALSE(answer.encoded);

  answer = ask("/packed", Decode::yes, 5);
  EXPECT_TRUE(answer.encoded);
  EXPECT_EQ(answer.content_length, packed.size());
  EXPECT_EQ(read(*answer.body).text, packed);

  EXPECT_TRUE(ask("/packed", Decode::no, 0).encoded);
  EXPECT_FALSE(ask("/packed", Decode::yes, 0).encoded) << "it is undone";
  EXPECT_FALSE(ask("/plain", Decode::no, 0).encoded);
}

TEST_F(CurlClient, HeadHasALengthAndNoBody) {
  serve("/nar", [] {
    Response response;
    response.length = 12'345'678'901;
    return response;
  });
  auto answer = fetch({.url = local(start().port(), "/nar"), .verb = Verb::head}).value();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_length, 12'345'678'901u);
  auto whole = read(*answer.body);
  EXPECT_EQ(whole.text, "");
  EXPECT_FALSE(whole.error);
}

TEST_F(CurlClient, TellsWhichRangeItWasGiven) {
  serve_status("/part", 206, {{"Content-Range", "bytes 5-8/9"}}, "5678");
  serve_status("/odd", 206, {{"Content-Range", "bytes odd"}}, "5678");
  auto port = start().port();
  auto answer = fetch({.url = local(port, "/part"), .first_byte = 5}).value();
  EXPECT_EQ(answer.status, 206);
  ASSERT_TRUE(answer.content_range);
  EXPECT_EQ(answer.content_range->first, 5u);
  EXPECT_EQ(answer.content_range->total, 9u);
  EXPECT_EQ(read(*answer.body).text, "5678");
  EXPECT_FALSE(fetch({.url = local(port, "/odd"), .first_byte = 5}).value().content_range);
}

TEST_F(CurlClient, DecodesOnlyWhenAsked) {
  auto plain = http::testing::pattern(300'000);
  struct Encoding {
    std::string name;
    nix::Compression compression;
  };
  for (const auto& [name, compression] : {Encoding{"gzip", nix::Compression::gzip},
                                          {"br", nix::Compression::br},
                                          {"zstd", nix::Compression::zstd}})
    serve_status("/" + name, 200, {{"Content-Encoding", name}},
                 codec::compress(compression, plain));
  auto port = start().port();
  for (auto [path, compression] : {std::pair("/gzip", nix::Compression::gzip),
                                   {"/br", nix::Compression::br},
                                   {"/zstd", nix::Compression::zstd}}) {
    auto raw = codec::compress(compression, plain);
    auto answer = fetch({.url = local(port, path)}).value();
    EXPECT_EQ(answer.content_length, raw.size()) << path;
    EXPECT_TRUE(read(*answer.body).text == raw) << path;

    answer = fetch({.url = local(port, path), .decode = Decode::yes}).value();
    EXPECT_EQ(answer.content_length, std::nullopt) << path;  // of the plain bytes: unknown
    auto whole = read(*answer.body);
    EXPECT_TRUE(whole.text == plain) << path;
    EXPECT_FALSE(whole.error) << path;
  }
}

TEST_F(CurlClient, AnEncodingThatIsDamagedOrUnknownIsAnError) {
  auto gzip = codec::compress(nix::Compression::gzip, http::testing::pattern(300'000));
  gzip[gzip.size() - 5] ^= 1;  // its checksum
  serve_status("/sum", 200, {{"Content-Encoding", "gzip"}}, gzip);
  serve_status("/odd", 200, {{"Content-Encoding", "gzip"}}, "no gzip at all");
  serve_status("/xz", 200, {{"Content-Encoding", "xz"}}, "unknown");
  auto port = start().port();
  for (auto path : {"/sum", "/odd", "/xz"}) {
    auto answer = fetch({.url = local(port, path), .decode = Decode::yes});
    if (answer) {
      auto whole = read(*answer->body);
      ASSERT_TRUE(whole.error) << path << " gave " << whole.text.size() << " bytes";
      EXPECT_EQ(whole.error->kind(), ErrorKind::upstream) << path;
    } else {
      EXPECT_EQ(answer.error().kind(), ErrorKind::upstream) << path;
    }
  }
}

TEST_F(CurlClient, CredentialsOfTheUrlAreSent) {
  serve_echo();
  auto host = "127.0.0.1:" + std::to_string(start().port());
  struct Row {
    std::string credentials, base64;
  };
  for (const auto& [credentials, base64] :
       {Row{"me:pw", "bWU6cHc="}, {"me:p@ss", "bWU6cEBzcw=="}, {"me:p%40ss", "bWU6cEBzcw=="}}) {
    auto url = upstream::UpstreamUrl::parse("http://" + credentials + "@" + host).value();
    auto answer = fetch({.url = url.resolve("echo")});
    ASSERT_TRUE(answer.has_value()) << answer.error().what();
    auto seen = read(*answer->body).text;
    EXPECT_NE(seen.find("Authorization=Basic " + base64 + "\n"), std::string::npos) << seen;
  }
}

TEST_F(CurlClient, ConnectionsAreKept) {
  RawServer server([](RawConnection& connection) {
    while (!connection.read_head().empty())
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  for (int i = 0; i < 5; ++i) {
    auto answer = fetch({.url = server.url()}).value();
    ASSERT_EQ(read(*answer.body).text, "hi");
  }
  EXPECT_EQ(server.connections(), 1u);
  client.reset();
}

TEST_F(CurlClient, ManyAtOnceFromManyThreadsAllGetTheirOwnBytes) {
  constexpr int kFetches = 200;
  routes["/nar"] = [](const Request& request) -> asio::awaitable<Response> {
    Response response;
    auto unit = std::string(request.query) + ",";
    std::string body;
    while (body.size() < 100'000) body += unit;
    response.body = body;
    co_return response;
  };
  auto port = start().port();
  Runtime many(4);
  std::atomic<int> right = 0;
  auto one = [&](int number) -> asio::awaitable<void> {
    HttpRequest request{.url = local(port, "/nar?" + std::to_string(number))};
    auto answer = co_await client->fetch(std::move(request), Deadline::after(60s));
    if (!answer) {
      ADD_FAILURE() << answer.error().error.what();
      co_return;
    }
    auto whole = co_await testing::read_whole(*answer->body);
    auto unit = std::to_string(number) + ",";
    std::string expected;
    while (expected.size() < 100'000) expected += unit;
    if (whole->text == expected && !whole->error) ++right;
  };
  TaskGroup group;
  for (int i = 0; i < kFetches; ++i) group.spawn(many.next_executor(), "fetch", one(i));
  ASSERT_TRUE(group.join_blocking(Deadline::after(100s)));
  EXPECT_EQ(right, kFetches);
}

}  // namespace
}  // namespace ncps::fetch
