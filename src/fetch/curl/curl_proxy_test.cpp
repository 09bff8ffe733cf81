#include <gtest/gtest.h>

#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

constexpr std::string_view kPassword = "gEhe1m";

// A proxy that answers by itself, and keeps what it was asked.
struct Proxy {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy";
  Guarded<std::string> seen;
  RawServer server{[this](RawConnection& connection) {
    for (;;) {
      auto head = connection.read_head();
      if (head.empty()) return;
      seen.with([&](auto& all) { all += head; });
      connection.send(answer);
    }
  }};
  std::string asked() {
    return seen.with([](auto& all) { return all; });
  }
  std::string url() const {
    return "http://me:" + std::string(kPassword) + "@127.0.0.1:" + std::to_string(server.port());
  }
};

struct CurlProxies : CurlTest {
  ~CurlProxies() override {
    client.reset();
    for (auto name : {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}) ::unsetenv(name);
  }
  void use(const char* name, const std::string& value) {
    client.reset();  // nobody reads the environment while it changes
    ::setenv(name, value.c_str(), 1);
    client = make_curl_client({.user_agent = "ncps/test"});
  }
  void expect_failure_without_password(HttpRequest request, ErrorKind kind = ErrorKind::upstream) {
    auto answer = fetch(std::move(request));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind(), kind);
    EXPECT_EQ(answer.error().what().find(kPassword), std::string::npos) << answer.error().what();
  }
};

TEST_F(CurlProxies, IsNotAskedWhereTheRequestSaysSo) {
  Proxy proxy;
  use("http_proxy", proxy.url());
  HttpRequest request{.url = local(start().port(), "/hello"), .proxies = Proxies::none};
  auto answer = fetch(std::move(request)).value();
  EXPECT_EQ(read(*answer.body).text, "hello\n");
  EXPECT_EQ(proxy.asked(), "");
}

TEST_F(CurlProxies, OfTheEnvironmentAreUsedWithTheirPassword) {
  for (auto name : {"http_proxy", "all_proxy"}) {
    Proxy proxy;
    use(name, proxy.url());
    auto answer = fetch({.url = "http://upstream.example:81/x?y"}).value();
    EXPECT_EQ(read(*answer.body).text, "proxy");
    auto asked = proxy.asked();
    EXPECT_NE(asked.find("GET http://upstream.example:81/x?y HTTP/1.1\r\n"), std::string::npos);
    EXPECT_NE(asked.find("\r\nProxy-Authorization: Basic bWU6Z0VoZTFt\r\n"), std::string::npos);
    answer.body.reset();
    client.reset();
    ::unsetenv(name);
  }
}

TEST_F(CurlProxies, AreLeftOutForTheHostsOfNoProxy) {
  Proxy proxy;
  use("http_proxy", proxy.url());
  use("no_proxy", "example.org,127.0.0.1");
  auto answer = fetch({.url = local(start().port(), "/hello")}).value();
  EXPECT_EQ(read(*answer.body).text, "hello\n");
  EXPECT_EQ(proxy.asked(), "");
  answer.body.reset();
  client.reset();
}

TEST_F(CurlProxies, ATunnelIsAskedForAndWhatTheProxySaysOfItIsNoAnswer) {
  Proxy proxy;
  proxy.answer = "HTTP/1.1 200 Connection established\r\nContent-Length: 7\r\n\r\n";
  use("https_proxy", proxy.url());
  // No TLS comes through it: the proxy takes the handshake for a request, or the time passes,
  // which is enough for the proxy to have been asked.
  HttpRequest request{.url = "https://upstream.example/x"};
  request.timeouts.connect = request.timeouts.head = std::chrono::seconds(3);
  auto answer = fetch(std::move(request));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(blame, Blame::unreachable) << answer.error().what();
  EXPECT_NE(proxy.asked().find("CONNECT upstream.example:443 HTTP/1.1\r\n"), std::string::npos);
  EXPECT_EQ(answer.error().what().find(kPassword), std::string::npos) << answer.error().what();
  client.reset();
}

TEST_F(CurlProxies, ARefusedTunnelIsAnError) {
  Proxy proxy;
  proxy.answer = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
  use("https_proxy", proxy.url());
  auto answer = fetch({.url = "https://upstream.example/x"});
  ASSERT_FALSE(answer.has_value());
  EXPECT_NE(answer.error().what().find("407"), std::string::npos) << answer.error().what();
  EXPECT_EQ(answer.error().what().find(kPassword), std::string::npos) << answer.error().what();
  client.reset();
}

TEST_F(CurlProxies, NeverShowTheirPasswordInAnError) {
  for (std::string_view host : {"127.0.0.1:1", "no such host", "host:99999", "[::1", "host/../x",
                                "does-not-exist.invalid:1", "a@b:1"}) {
    for (std::string_view scheme : {"http://", "", "gopher://", "https://", "socks5://"}) {
      use("http_proxy",
          std::string(scheme) + "me:" + std::string(kPassword) + "@" + std::string(host));
      expect_failure_without_password({.url = "http://127.0.0.2:1/x"});
    }
  }
}

TEST_F(CurlProxies, OneThatIsAwayIsAnUpstreamThatCannotBeReached) {
  use("http_proxy", "http://127.0.0.1:1");
  EXPECT_FALSE(fetch({.url = "http://upstream.example/x"}).has_value());
  EXPECT_EQ(blame, Blame::unreachable);
}

}  // namespace
}  // namespace ncps::fetch
