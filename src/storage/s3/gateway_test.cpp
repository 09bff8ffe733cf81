// The server that the tests of this room are to run against.
#include <gtest/gtest.h>

#include <string>

#include "base/testing/loopback.h"
#include "storage/s3/testing/gateway.h"

namespace ncps::s3 {
namespace {

// The first line of the answer to an unsigned request for a list of buckets.
std::string status_line(const std::string& url) {
  constexpr std::string_view kHost = "http://127.0.0.1:";
  if (!url.starts_with(kHost)) return "not on this machine: " + url;
  UniqueFd fd(ncps::testing::connect_to_loopback(std::stoi(url.substr(kHost.size()))));
  if (!fd) return "no connection";
  const std::string ask = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (::send(fd.get(), ask.data(), ask.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ask.size()))
    return "not sent";
  std::string answer(4096, '\0');
  auto got = ::recv(fd.get(), answer.data(), answer.size(), 0);
  answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return answer.substr(0, answer.find('\r'));
}

TEST(S3Gateway, IsThereForEveryTestThatAsks) {
  const auto& gateway = testing::gateway();
  EXPECT_EQ(status_line(gateway.url), "HTTP/1.1 200 OK");
  EXPECT_EQ(&gateway, &testing::gateway());
  EXPECT_FALSE(gateway.access_key.empty() || gateway.secret_key.empty());
  EXPECT_EQ(::access(gateway.ca_file.c_str(), R_OK), 0);
}

}  // namespace
}  // namespace ncps::s3
