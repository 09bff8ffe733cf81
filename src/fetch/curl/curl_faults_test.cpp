#include <gtest/gtest.h>

#include <future>

#include "base/testing/loopback.h"
#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

using namespace std::chrono_literals;
using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

struct CurlFaults : CurlTest {
  // Sends `bytes` as the answer to every request, then ends the connection.
  static RawServer::Script sends(std::string bytes, bool by_reset = false) {
    return [=](RawConnection& connection) {
      connection.read_head();
      connection.send(bytes);
      if (by_reset) connection.reset();
    };
  }
};

TEST_F(CurlFaults, AConnectionThatIsRefused) {
  auto bound = ncps::testing::bound_to_loopback();
  auto answer = fetch({.url = local(bound.port, "/")});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::upstream) << answer.error().what();
}

TEST_F(CurlFaults, AHostThatNobodyKnows) {
  auto answer = fetch({.url = "http://me:secret@no-such-host.invalid/x"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().retryable()) << answer.error().what();
  EXPECT_EQ(answer.error().what().find("secret"), std::string::npos) << answer.error().what();
}

TEST_F(CurlFaults, AUrlThatIsNone) {
  for (auto url : {"", "http://", "http://a b/", "ftp://127.0.0.1/x", "http://127.0.0.1:99999/"}) {
    auto answer = fetch({.url = url});
    ASSERT_FALSE(answer.has_value()) << url;
    EXPECT_EQ(answer.error().kind(), ErrorKind::upstream) << url;
  }
}

TEST_F(CurlFaults, AnAnswerWithoutAWholeHeadIsNone) {
  for (std::string bytes :
       {"", "HTT", "HTTP/1.1 200 OK\r\nContent-Le", "220 ftp ready\r\n",
        "<html>this is HTTP/0.9</html>", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhi"}) {
    RawServer server(sends(bytes));
    auto answer = fetch({.url = server.url()});
    EXPECT_FALSE(answer.has_value()) << bytes;
    if (!answer) EXPECT_EQ(answer.error().kind(), ErrorKind::upstream) << bytes;
  }
}

TEST_F(CurlFaults, ABodyThatEndsEarlyGivesItsBytesAndThenAnError) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  struct Row {
    std::string what, bytes;
  };
  for (const auto& [what, bytes] :
       {Row{"short of its length", head + "Content-Length: 10\r\n\r\n01234"},
        Row{"within a chunk", head + "Transfer-Encoding: chunked\r\n\r\na\r\n01234"},
        Row{"without last chunk", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"},
        Row{"within the last", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n"},
        Row{"with no chunk", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\nzz\r\n"}}) {
    RawServer server(sends(bytes));
    auto answer = fetch({.url = server.url()});
    ASSERT_TRUE(answer.has_value()) << what << ": " << answer.error().what();
    auto whole = read(*answer->body);
    EXPECT_EQ(whole.text, "01234") << what;
    ASSERT_TRUE(whole.error) << what;
    EXPECT_EQ(whole.error->kind(), ErrorKind::upstream) << what;
  }
}

TEST_F(CurlFaults, AResetWithinTheBodyIsAnError) {
  for (std::string framing : {"Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n", ""}) {
    // The reset comes once the client has the head, so that it cannot overtake that.
    std::promise<void> begun;
    auto begun_future = begun.get_future().share();
    RawServer server([=](RawConnection& connection) {
      connection.read_head();
      connection.send("HTTP/1.1 200 OK\r\n" + framing + "\r\n");
      begun_future.wait();
      connection.reset();
    });
    auto answer = fetch({.url = server.url()});
    begun.set_value();
    ASSERT_TRUE(answer.has_value()) << answer.error().what();
    auto whole = read(*answer->body);
    ASSERT_TRUE(whole.error) << framing;
    EXPECT_EQ(whole.error->kind(), ErrorKind::upstream);
  }
}

TEST_F(CurlFaults, ABodyWithoutLengthEndsWithItsConnection) {
  RawServer server(sends("HTTP/1.0 200 OK\r\n\r\n01234"));
  auto answer = fetch({.url = server.url()}).value();
  EXPECT_EQ(answer.content_length, std::nullopt);
  auto whole = read(*answer.body);
  EXPECT_EQ(whole.text, "01234");
  EXPECT_FALSE(whole.error);
}

TEST_F(CurlFaults, TrailersBelongToNobody) {
  RawServer server(
      sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n"
            "0\r\nContent-Length: 99\r\nLocation: /x\r\n\r\n"));
  auto answer = fetch({.url = server.url()}).value();
  auto whole = read(*answer.body);
  EXPECT_EQ(whole.text, "01234");
  EXPECT_FALSE(whole.error);
}

TEST_F(CurlFaults, AHeadThatDoesNotComeIsATimeout) {
  std::promise<bool> ended;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-");
    ended.set_value(connection.wait_for_end());
  });
  // Long enough for the request to get there on a busy machine: otherwise nobody ends anything.
  HttpRequest request{.url = server.url(), .timeouts = {.connect = 1s, .head = 2s}};
  auto answer = fetch(std::move(request), Deadline::never());
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::timeout) << answer.error().what();
  EXPECT_TRUE(ended.get_future().get());  // and it does not go on behind our back
}

TEST_F(CurlFaults, TheDeadlineEndsTheWaitForAHead) {
  std::promise<bool> ended;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    ended.set_value(connection.wait_for_end());
  });
  HttpRequest request{.url = server.url(), .timeouts = {.head = 1h}};
  auto answer = fetch(std::move(request), Deadline::after(3s));  // enough to get there
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::timeout);
  EXPECT_TRUE(ended.get_future().get());
}

TEST_F(CurlFaults, ABodyThatStallsIsATimeoutAfterItsBytes) {
  std::promise<bool> ended;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    ended.set_value(connection.wait_for_end());
  });
  auto answer = fetch({.url = server.url(), .timeouts = {.stall = 400ms}}).value();
  auto whole = read(*answer.body);
  EXPECT_EQ(whole.text, "01234");
  ASSERT_TRUE(whole.error);
  EXPECT_EQ(whole.error->kind(), ErrorKind::timeout) << whole.error->what();
  EXPECT_TRUE(ended.get_future().get());
}

TEST_F(CurlFaults, AKeptConnectionThatDiedIsReplaced) {
  std::atomic<int> turn = 0;
  RawServer server([&](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    // The first connection dies on its second request, without a byte.
    if (turn++ == 0) connection.read_head();
  });
  for (int i = 0; i < 2; ++i) {
    auto answer = fetch({.url = server.url()});
    ASSERT_TRUE(answer.has_value()) << answer.error().what();
    EXPECT_EQ(read(*answer->body).text, "hi");
  }
  EXPECT_EQ(server.connections(), 2u);
  client.reset();
}

}  // namespace
}  // namespace ncps::fetch
