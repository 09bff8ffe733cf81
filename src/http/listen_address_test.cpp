#include "http/listen_address.h"

#include <gtest/gtest.h>

namespace ncps::http {
namespace {

TEST(ListenAddress, IsHostAndPort) {
  struct Row {
    std::string_view text, host;
    unsigned port;
  };
  const Row rows[] = {
      {":8501", "", 8501},
      {":0", "", 0},
      {"0.0.0.0:8501", "0.0.0.0", 8501},
      {"127.0.0.1:65535", "127.0.0.1", 65535},
      {"[::1]:8501", "::1", 8501},
      {"[::]:80", "::", 80},
      {"localhost:8501", "localhost", 8501},
      {"cache-1.example.org:80", "cache-1.example.org", 80},
  };
  for (const auto& row : rows) {
    auto got = parse_listen_address(row.text);
    ASSERT_TRUE(got) << row.text << ": " << got.error().what();
    EXPECT_EQ(got->host, row.host);
    EXPECT_EQ(got->port, row.port);
    EXPECT_FALSE(got->is_unix());
    EXPECT_EQ(got->str(), row.text);
  }
}

TEST(ListenAddress, IsTheAbsolutePathOfAUnixSocket) {
  auto longest = '/' + std::string(kMaxSocketPath - 1, 'x');
  for (const auto& path : {std::string("/run/ncps.sock"), std::string("/a b:80"), longest}) {
    auto got = parse_listen_address("unix:" + path);
    ASSERT_TRUE(got) << path << ": " << got.error().what();
    EXPECT_TRUE(got->is_unix());
    EXPECT_EQ(got->socket_path, path);
    EXPECT_EQ(got->str(), "unix:" + path);
  }
}

TEST(ListenAddress, RefusesPathsThatNoUnixSocketCanHave) {
  using namespace std::string_literals;
  const std::string rows[] = {"unix:",       "unix:run/ncps.sock",
                              "unix:./x",    "unix:8501",
                              "unix:/a\0b"s, "unix:/" + std::string(kMaxSocketPath, 'x')};
  for (const auto& text : rows) {
    auto got = parse_listen_address(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().kind(), ErrorKind::invalid);
    EXPECT_NE(got.error().what().find("\"unix:/"), std::string::npos) << got.error().what();
  }
}

TEST(ListenAddress, AnAddressDoesNotEndAtAZeroByte) {
  EXPECT_FALSE(parse_listen_address(std::string_view("[::1\0x]:1", 9)));
}

TEST(ListenAddress, RefusalsSayWhatWouldBeRight) {
  const std::string_view rows[] = {
      "",          "8501",     "localhost", "localhost:",     ":65536",   ":-1",      ":http",
      ":8501 ",    "::1:8501", "[::1]",     "[::1:8501",      "[x]:8501", "[]:8501",  "a b:1",
      "http://:1", "host/x:1", ":000080",   "[1.2.3.4]:8501", "::",       "::1]:8501"};
  for (auto text : rows) {
    auto got = parse_listen_address(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().kind(), ErrorKind::invalid);
    EXPECT_NE(got.error().what().find(":8501"), std::string::npos) << got.error().what();
  }
}

}  // namespace
}  // namespace ncps::http
