// However the bytes of a connection are cut, they mean the same.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/testing/temp_dir.h"
#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using std::string_literals::operator""s;
using testing::RawClient;
using testing::ServerTest;

const std::string kGet = "GET /hello?x HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kHead = "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPut = "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET / HTTP/1";
const std::string kChunked =
    "PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;a=\"b\"\r\nhello\r\n00b\r\n, two\r\ndone\r\n0\r\nX-Trailer: y\r\n\r\n";
const std::string kUnread = "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\r\n\r\n.";

// What a proxy in front might read otherwise than we do.
std::vector<std::string> streams() {
  auto wrong = [](const std::string& lines, const std::string& body = "") {
    return kGet + "PUT /echo HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body + kGet;
  };
  return {
      kGet + kHead + kPut + kChunked + kGet + kUnread + kPut + "\r\n\r\n" + kGet,
      kChunked + kChunked + kUnread + kGet,
      wrong("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      wrong("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
      wrong("Transfer-Encoding: chunked\r\n", "5\r\nhello0\r\n\r\n"),
      wrong("Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"),
      wrong("Transfer-Encoding: chunked\r\n", "5\nhello\r\n0\r\n\r\n"),
      wrong("Transfer-Encoding: chunked\r\n", "0\r\nGET / HTTP/1.1\n\r\n"),
      wrong("X: a\r\n b\r\n"),
      wrong("X: a\nContent-Length: 5\r\n", "hello"),
      wrong("X: a\rb\r\n"),
      wrong("X: a\0b\r\n"s),
      wrong("Expect: magic\r\n"),
      kGet + "\x16\x03\x01\x02"s + kGet,
      kGet + "GET /hello HTTP/1.1\n\n" + kGet,
      kGet + "GET /hello HTTP/1.0\r\n\r\n" + kGet,
      kGet + "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet,
  };
}

struct HttpFragments : ServerTest {
  HttpFragments() {
    options.address = {.socket_path = (folder.path() / "s").native()};
    routes["/echo"] = [](const Request& request) -> asio::awaitable<Response> {
      std::string body;
      while (request.body != nullptr) {
        auto piece = co_await request.body->next();
        if (!piece) co_return text_response(500, "never seen");
        auto text = std::get<std::string_view>(*piece);
        if (text.empty()) break;
        body += text;
      }
      co_return text_response(200, body);
    };
  }

  // All that comes back for a stream that is cut there, but for the Date lines.
  std::string answers(const std::string& stream, const std::vector<std::size_t>& cuts) const;

  ncps::testing::TempDir folder;
};

std::string without_dates(std::string text) {
  for (auto at = text.find("\r\nDate: "); at != text.npos; at = text.find("\r\nDate: "))
    text.erase(at, text.find("\r\n", at + 2) - at);
  return text;
}

std::string HttpFragments::answers(const std::string& stream,
                                   const std::vector<std::size_t>& cuts) const {
  RawClient client(options.address.socket_path);
  std::size_t begin = 0;
  for (auto end : cuts) {
    // A server that has closed takes nothing more.
    if (!client.send(stream.substr(begin, end - begin))) break;
    client.wait_until_taken();
    begin = end;
  }
  client.send(stream.substr(begin));
  client.finish();
  EXPECT_TRUE(client.ends_cleanly()) << stream;
  return without_dates(client.rest());
}

TEST_F(HttpFragments, OneByteStreamHasOneMeaning) {
  start();
  std::mt19937 random(1);
  for (const auto& stream : streams()) {
    auto whole = answers(stream, {});
    ASSERT_NE(whole, "") << stream;
    std::vector<std::size_t> each(stream.size() - 1);
    for (std::size_t at = 1; at < stream.size(); ++at) {
      each[at - 1] = at;
      ASSERT_EQ(answers(stream, {at}), whole) << "cut at " << at << " of\n" << stream;
    }
    ASSERT_EQ(answers(stream, each), whole) << "byte by byte:\n" << stream;
    for (int round = 0; round < 30; ++round) {
      std::vector<std::size_t> cuts;
      for (auto at : each)
        if (random() % 9 == 0) cuts.push_back(at);
      ASSERT_EQ(answers(stream, cuts), whole) << stream;
    }
  }
}

// What follows a request that two readers may understand differently is no request.
TEST_F(HttpFragments, NothingBehindARefusalIsAnswered) {
  start();
  for (const auto& stream : streams()) {
    auto all = answers(stream, {});
    auto refused = all.find("HTTP/1.1 4");
    if (refused != all.npos)
      EXPECT_EQ(all.find("HTTP/1.1 ", refused + 1), all.npos) << stream << all;
  }
}

}  // namespace
}  // namespace ncps::http
