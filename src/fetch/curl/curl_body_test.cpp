// What we send: verbs, headers and bodies, byte by byte as they arrive.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <future>

#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

using namespace std::chrono_literals;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct CurlBody : CurlTest {
  static std::shared_ptr<const UniqueFd> file_of(std::string_view bytes) {
    UniqueFd fd(::memfd_create("body", MFD_CLOEXEC));
    EXPECT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    return std::make_shared<const UniqueFd>(std::move(fd));
  }
};

// What one request looks like to the server, with a body of `bytes`.
struct Seen {
  std::string head, body;
};

RawServer::Script record(std::promise<Seen>& seen, std::size_t bytes) {
  return [&seen, bytes](RawConnection& connection) {
    Seen one;
    one.head = connection.read_head();
    one.body = connection.read_body(bytes);
    connection.send(kOk);
    seen.set_value(std::move(one));
  };
}

TEST_F(CurlBody, VerbsAndHeadersArriveAsTheyAre) {
  struct Row {
    Verb verb;
    std::string name;
    std::string body;
  };
  for (const auto& row : {Row{Verb::get, "GET", ""}, Row{Verb::put, "PUT", "some bytes"},
                          Row{Verb::put, "PUT", ""}, Row{Verb::post, "POST", "<xml/>"},
                          Row{Verb::post, "POST", ""}, Row{Verb::del, "DELETE", ""}}) {
    std::promise<Seen> promise;
    RawServer server(record(promise, row.body.size()));
    HttpRequest request{.url = server.url("/a%2Bb?x=%20&y"), .verb = row.verb};
    request.headers = {{"X-One", "1, 2"}, {"x-empty", ""}, {"If-None-Match", "*"}};
    bool sends = row.verb == Verb::put || row.verb == Verb::post;
    if (sends) request.body = row.body;
    auto answer = fetch(std::move(request)).value();
    EXPECT_EQ(read(*answer.body).text, "ok");
    auto seen = promise.get_future().get();
    EXPECT_TRUE(seen.head.starts_with(row.name + " /a%2Bb?x=%20&y HTTP/1.1\r\n")) << seen.head;
    EXPECT_EQ(seen.body, row.body);
    for (auto line : {"\r\nX-One: 1, 2\r\n", "\r\nx-empty:\r\n", "\r\nIf-None-Match: *\r\n"})
      EXPECT_NE(seen.head.find(line), seen.head.npos) << seen.head;
    for (auto absent : {"Expect:", "Content-Type:", "Transfer-Encoding:"})
      EXPECT_EQ(seen.head.find(absent), seen.head.npos) << seen.head;
    auto length = "\r\nContent-Length: " + std::to_string(row.body.size()) + "\r\n";
    EXPECT_EQ(seen.head.find(length) != seen.head.npos, sends) << seen.head;
  }
}

TEST_F(CurlBody, AStretchOfAFileIsSentWhole) {
  auto bytes = http::testing::pattern(9 << 20);
  std::promise<Seen> promise;
  RawServer server(record(promise, (8 << 20) - 5));
  HttpRequest request{.url = server.url(), .verb = Verb::put};
  request.body = FileBody{file_of(bytes), 3, (8 << 20) - 5};
  EXPECT_EQ(fetch(std::move(request)).value().status, 200);
  EXPECT_TRUE(promise.get_future().get().body == bytes.substr(3, (8 << 20) - 5));
}

TEST_F(CurlBody, AFileThatIsShorterThanAnnouncedFailsTheRequest) {
  std::promise<Seen> promise;
  RawServer server(record(promise, 100));
  HttpRequest request{.url = server.url(), .verb = Verb::put};
  request.body = FileBody{file_of("only this"), 0, 100};
  EXPECT_FALSE(fetch(std::move(request)).has_value());
  EXPECT_EQ(promise.get_future().get().body, "only this");
}

TEST_F(CurlBody, IsSentAgainFromItsBeginningWhereItIsAskedForAgain) {
  const auto bytes = http::testing::pattern(1 << 20);
  std::promise<std::string> second;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.read_body(bytes.size());
    connection.send("HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    connection.read_head();
    second.set_value(connection.read_body(bytes.size()));
    connection.send(kOk);
  });
  HttpRequest request{.url = server.url(), .verb = Verb::put};
  request.body = FileBody{file_of(bytes), 0, bytes.size()};
  auto answer = fetch(std::move(request));
  ASSERT_TRUE(answer.has_value()) << answer.error().what();
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(second.get_future().get() == bytes);
}

// Whether curl itself sends it again depends on how far it has come: who asks must be ready to.
TEST_F(CurlBody, AKeptConnectionThatDiesIsNobodysAnswer) {
  const auto bytes = http::testing::pattern(1 << 20);
  std::atomic<int> connections{0};
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    if (++connections == 1) {
      connection.send(kOk);
      connection.read_head();  // of the second request, which gets no answer
      connection.reset();
      return;
    }
    connection.read_body(bytes.size());
    connection.send(kOk);
  });
  auto first = fetch({.url = server.url()}).value();
  ASSERT_EQ(read(*first.body).text, "ok");
  HttpRequest request{.url = server.url(), .verb = Verb::put};
  request.body = FileBody{file_of(bytes), 0, bytes.size()};
  auto answer = fetch(std::move(request));
  if (answer) {
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(connections, 2);
  } else {
    EXPECT_TRUE(answer.error().retryable()) << answer.error().what();
  }
}

TEST_F(CurlBody, AServerThatTakesABodySlowlyIsNotLateWithItsHead) {
  const auto bytes = http::testing::pattern(24 << 20);
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    for (std::size_t taken = 0; taken < bytes.size(); taken += 4 << 20) {
      connection.read_body(4 << 20);
      std::this_thread::sleep_for(1s);
    }
    connection.send(kOk);
  });
  // Less than the six seconds of it all, more than what the kernel still holds at the end takes.
  HttpRequest request{.url = server.url(), .verb = Verb::put};
  request.timeouts.connect = 3s;
  request.timeouts.head = 2s;
  request.body = bytes;
  auto answer = fetch(std::move(request));
  ASSERT_TRUE(answer.has_value()) << answer.error().what();
}

TEST_F(CurlBody, ARedirectThatIsNotFollowedIsTheAnswer) {
  RawServer server([](RawConnection& connection) {
    connection.read_head();
    connection.send(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nETag: \"a-2\"\r\n"
        "Content-Length: 4\r\n\r\nover");
  });
  HttpRequest request{.url = server.url(), .redirects = Redirects::none};
  auto answer = fetch(std::move(request)).value();
  EXPECT_EQ(answer.status, 307);
  EXPECT_EQ(answer.etag, "\"a-2\"");
  EXPECT_EQ(read(*answer.body).text, "over");
}

}  // namespace
}  // namespace ncps::fetch
