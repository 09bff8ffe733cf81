#include "config/client_config.h"

#include <gtest/gtest.h>

#include "http/testing/authority.h"

namespace ncps::config {
namespace {

TEST(ClientConfig, TheUrlIsTheOneGivenOrThatOfTheOptions) {
  ServeOptions options;
  options.hostname = "cache.example.org";
  options.listen = {.host = "0.0.0.0", .port = 8501};
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "http://cache.example.org:8501"},
      {"https://nix.example.org/", "https://nix.example.org"},
      {"http://[::1]:8501", "http://[::1]:8501"},
      {"https://example.org/nix?priority=5", "https://example.org/nix?priority=5"},
  };
  for (auto [given, expected] : cases) {
    auto url = client_url(given, options);
    ASSERT_TRUE(url) << given;
    EXPECT_EQ(*url, expected);
  }
}

TEST(ClientConfig, OverTlsTheUrlIsHttps) {
  http::testing::Authority authority;
  ServeOptions options;
  options.hostname = "cache.example.org";
  options.listen = {.host = "0.0.0.0", .port = 8501};
  options.tls = http::TlsContext::make(authority.options()).value();
  EXPECT_EQ(client_url("", options).value(), "https://cache.example.org:8501");
}

TEST(ClientConfig, WhatIsNoUrlOfACacheIsRefused) {
  ServeOptions options;
  options.hostname = "cache.example.org";
  for (std::string_view given :
       {"cache.example.org", "ftp://a", "http://", "http:///nix", "https://user:secret@a",
        "http://a b", "http://a\"; evil", "http://${a}", "http://a\n"}) {
    auto url = client_url(given, options);
    ASSERT_FALSE(url) << given;
    EXPECT_EQ(url.error().kind(), ErrorKind::invalid);
    EXPECT_EQ(url.error().what().find("secret"), std::string::npos);
  }
}

TEST(ClientConfig, WithoutANameOrBehindAUnixSocketTheUrlHasToBeGiven) {
  ServeOptions nameless;
  EXPECT_FALSE(client_url("", nameless));
  ServeOptions unix_socket;
  unix_socket.hostname = "cache.example.org";
  unix_socket.listen = {.socket_path = "/run/ncps.sock"};
  EXPECT_FALSE(client_url("", unix_socket));
  EXPECT_TRUE(client_url("http://a", unix_socket));
}

TEST(ClientConfig, HasEveryKeyAsNixWantsIt) {
  auto text = print({.url = "http://a:1", .keys = {"a-1:x=", "a-2:y="}});
  EXPECT_NE(text.find("trusted-public-keys = [ \"a-1:x=\" \"a-2:y=\" ];\n"), std::string::npos);
  EXPECT_NE(text.find("extra-trusted-public-keys = a-1:x= a-2:y=\n"), std::string::npos);
  EXPECT_EQ(text.find("netrc"), std::string::npos);
}

TEST(ClientConfig, NamesTheHostForTheNetrcWhereTokensAreAskedFor) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"http://a.example:8501", "machine a.example login"},
      {"https://a.example/nix", "machine a.example login"},
      {"http://[::1]:8501", "machine ::1 login"},
  };
  for (auto [url, line] : cases) {
    auto text = print({.url = std::string(url), .keys = {"a:x="}, .asks_for_tokens = true});
    EXPECT_NE(text.find(line), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ncps::config
