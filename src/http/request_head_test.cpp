#include "http/request_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ncps::http {
namespace {

using std::string_literals::operator""s;
using State = HeadScanner::State;

constexpr std::size_t kMaxTarget = 100;

Refusal read(const std::string& text, RequestHead& head) {
  HeadScanner scanner;
  auto state = scanner.scan(text);
  if (state == State::malformed) return {400, "scanner"};
  EXPECT_EQ(state, State::complete) << text;
  return read_head(std::string_view(text).substr(0, scanner.size()), kMaxTarget, head);
}

unsigned status_of(const std::string& text) {
  RequestHead head;
  return read(text, head).status;
}

TEST(HeadScanner, FindsTheEndByteByByte) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;
  for (std::size_t i = 0; i < head.size(); ++i)
    ASSERT_EQ(scanner.scan(head.substr(0, i)), State::incomplete) << i;
  EXPECT_EQ(scanner.scan(head + "GET /next"), State::complete);
  EXPECT_EQ(scanner.size(), head.size());
  EXPECT_EQ(scanner.first_line(), 16u);
}

TEST(HeadScanner, RefusesBareLineFeedsAndFolds) {
  for (std::string text : {"GET / HTTP/1.1\nHost: a\n\n", "\n", "GET / HTTP/1.1\r\nHost: a\n",
                           "GET / HTTP/1.1\r\nHost: a\r\n b\r\n", "GET / HTTP/1.1\r\n\tx: b\r\n"})
    EXPECT_EQ(HeadScanner().scan(text), State::malformed) << text;
}

TEST(ReadHead, TellsWhatIsAskedFor) {
  std::string text =
      "GET /nar/a%2Bb.nar?hash=x?y HTTP/1.1\r\nHost: cache:8501\r\nrange:  bytes=0-9 \r\n"
      "Range: bytes=1-2\r\nX-Empty:\r\nExpect: 100-Continue\r\n\r\n";
  RequestHead head;
  ASSERT_EQ(read(text, head).status, 0u);
  EXPECT_EQ(head.method, Method::get);
  EXPECT_EQ(head.method_name, "GET");
  EXPECT_EQ(head.target, "/nar/a%2Bb.nar?hash=x?y");
  EXPECT_EQ(head.path, "/nar/a%2Bb.nar");
  EXPECT_EQ(head.query, "hash=x?y");
  EXPECT_EQ(head.header("RANGE"), "bytes=0-9");
  EXPECT_EQ(head.header("host"), "cache:8501");
  EXPECT_EQ(head.header("X-Empty"), "");
  EXPECT_EQ(head.values("RANGE"), (std::vector<std::string_view>{"bytes=0-9", "bytes=1-2"}));
  EXPECT_EQ(head.values("X-Empty"), std::vector<std::string_view>{""});
  EXPECT_TRUE(head.values("Hos").empty());
  EXPECT_EQ(head.header("Hos"), "");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.has_body);
  EXPECT_FALSE(head.http_1_0);
}

TEST(ReadHead, KnowsTheMethods) {
  const std::pair<std::string, Method> rows[] = {
      {"GET", Method::get},    {"HEAD", Method::head},      {"PUT", Method::put},
      {"POST", Method::post},  {"DELETE", Method::delete_}, {"OPTIONS", Method::other},
      {"BREW", Method::other}, {"get", Method::other}};
  for (const auto& [name, method] : rows) {
    RequestHead head;
    std::string text = name + " / HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(read(text, head).status, 0u) << name;
    EXPECT_EQ(head.method, method) << name;
    EXPECT_EQ(head.method_name, name);
  }
}

TEST(ReadHead, KeepAliveFollowsVersionAndConnection) {
  struct Row {
    std::string text;
    bool keep_alive;
  };
  const Row rows[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
  };
  for (const auto& row : rows) {
    RequestHead head;
    ASSERT_EQ(read(row.text, head).status, 0u) << row.text;
    EXPECT_EQ(head.keep_alive, row.keep_alive) << row.text;
  }
}

TEST(ReadHead, KnowsThatABodyFollows) {
  const std::pair<std::string, bool> rows[] = {
      {"Content-Length: 0\r\n", false},
      {"Content-Length: 5\r\n", true},
      {"Transfer-Encoding: chunked\r\n", true},
      {"Transfer-Encoding: Chunked\r\n", true},
      {"Content-Length: 18446744073709551614\r\n", true},
  };
  for (const auto& [line, has_body] : rows) {
    RequestHead head;
    std::string text = "PUT / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n";
    ASSERT_EQ(read(text, head).status, 0u) << line;
    EXPECT_EQ(head.has_body, has_body) << line;
  }
}

TEST(ReadHead, UnderstandsTheAbsoluteForm) {
  struct Row {
    std::string target, path, query;
  };
  const Row rows[] = {{"http://cache:1/a?b", "/a", "b"},
                      {"HTTP://cache/a", "/a", ""},
                      {"http://cache", "/", ""},
                      {"http://cache?q", "/", "q"}};
  for (const auto& row : rows) {
    RequestHead head;
    std::string text = "GET " + row.target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_EQ(read(text, head).status, 0u) << row.target;
    EXPECT_EQ(head.target, row.target);
    EXPECT_EQ(head.path, row.path);
    EXPECT_EQ(head.query, row.query);
  }
}

TEST(ReadHead, RefusesWhatIsNotHttp) {
  const std::pair<std::string, unsigned> rows[] = {
      {"GET /\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/11\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"s, 400},
      {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /" + std::string(kMaxTarget - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"GET /" + std::string(kMaxTarget, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nExpect: 100-continue\r\n\r\n", 417},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: magic\r\n\r\n", 417},
      {"GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\nExpect: 100-continue\r\n\r\n", 0},
  };
  for (const auto& [text, status] : rows) EXPECT_EQ(status_of(text), status) << text;
}

// Two readers of such a head could see two different requests behind it.
TEST(ReadHead, RefusesTheShapesOfSmuggling) {
  const std::pair<std::string, unsigned> rows[] = {
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5, 6\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length: 5,\r\n", 400},
      {"Content-Length: +5\r\n", 400},
      {"Content-Length: -5\r\n", 400},
      {"Content-Length: 0x5\r\n", 400},
      {"Content-Length: 5 5\r\n", 400},
      {"Content-Length:\r\n", 400},
      {"Content-Length: 99999999999999999999\r\n", 400},
      {"Content-Length : 5\r\n", 400},
      {"Transfer-Encoding : chunked\r\n", 400},
      {"Transfer-Encoding\t: chunked\r\n", 400},
      {"Transfer-Encoding:\r\n chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: chunked, identity\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"X: a\nContent-Length: 5\r\n", 400},
  };
  for (const auto& [line, status] : rows)
    EXPECT_EQ(status_of("PUT / HTTP/1.1\r\nHost: a\r\n" + line + "\r\n"), status) << line;
  EXPECT_EQ(status_of("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400u);
}

}  // namespace
}  // namespace ncps::http
