// Whose connection it is: PROXY headers, trusted proxies, and how many connections one may have.
#include <gtest/gtest.h>

#include "base/testing/temp_dir.h"
#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using namespace std::literals;
using testing::RawClient;
using testing::ServerTest;

const std::string kLine = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
const std::string kBinary =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0f\xc0\x00\x02\x07\x0a\x00\x00\x01\xdc\x04\x01\xbb\x04\x00\x00"s;
const std::string kLocal = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"s;
const std::string kWho = "GET /who HTTP/1.1\r\nHost: a\r\n\r\n";

struct HttpAdmission : ServerTest {
  HttpAdmission() {
    routes["/who"] = [](const Request& request) -> asio::awaitable<Response> {
      co_return text_response(200, request.client);
    };
    routes["/scheme"] = [](const Request& request) -> asio::awaitable<Response> {
      co_return text_response(200, name_of(request.scheme));
    };
  }

  void headers_from(const std::string& network) {
    options.proxies.send_header = {*parse_network(network)};
  }
  void trust(const std::string& network) {
    options.proxies.trusted.push_back(*parse_network(network));
  }

  static std::string who(RawClient& client, const std::string& headers = "") {
    client.get("/who", headers);
    return client.read().body;
  }
  static std::string scheme(RawClient& client, const std::string& headers = "") {
    client.get("/scheme", headers);
    return client.read().body;
  }
};

TEST_F(HttpAdmission, AHeaderSaysWhoTheClientIs) {
  headers_from("127.0.0.0/8");
  auto port = start().port();
  for (const auto& [header, client] : {std::pair(kLine, "192.0.2.7\n"),
                                       {kBinary, "192.0.2.7\n"},
                                       {kLocal, "127.0.0.1\n"},
                                       {"PROXY UNKNOWN\r\n"s, "127.0.0.1\n"}}) {
    RawClient whole(port);
    ASSERT_TRUE(whole.send(header + kWho + kWho));
    EXPECT_EQ(whole.read().body, client);
    EXPECT_EQ(whole.read().body, client);
    RawClient bytes(port);
    for (char c : header + kWho) ASSERT_TRUE(bytes.send({&c, 1}));
    EXPECT_EQ(bytes.read().body, client);
  }
}

TEST_F(HttpAdmission, WithoutItsHeaderNothingIsAnsweredThatAProxySends) {
  headers_from("127.0.0.1");
  auto& server = start();
  for (const auto& sent : {kWho, "\r\n\r\n" + kWho, "PROXY TCP4 x\r\n" + kWho}) {
    RawClient client(server.port());
    ASSERT_TRUE(client.send(sent));
    client.ends_cleanly();
    EXPECT_EQ(client.rest(), "") << sent;
  }
}

TEST_F(HttpAdmission, AHeaderThatDoesNotComeInTimeEndsTheConnection) {
  headers_from("127.0.0.1");
  options.proxies.header_timeout = options.tick = 10ms;
  auto port = start().port();
  for (const auto& sent : {""s, kLine.substr(0, 10), kBinary.substr(0, 20)}) {
    RawClient client(port);
    ASSERT_TRUE(client.send(sent));
    client.ends_cleanly();
    EXPECT_EQ(client.rest(), "");
  }
}

TEST_F(HttpAdmission, ADrainDoesNotWaitForAHeader) {
  headers_from("127.0.0.1");
  options.proxies.header_timeout = 1h;
  auto& server = start();
  RawClient client(server.port()), other(server.port());
  ASSERT_TRUE(client.send(kLine.substr(0, 10)));
  ASSERT_TRUE(other.send(kLine + kWho));
  ASSERT_EQ(other.read().status, 200u);
  ASSERT_TRUE(server.drain(Deadline::after(10s), [] { ADD_FAILURE() << "it was waited for"; }));
  client.ends_cleanly();
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpAdmission, FromElsewhereAHeaderIsNoneAndNoRequestEither) {
  headers_from("192.0.2.0/24");
  auto port = start().port();
  for (const auto& header : {kLine, kBinary}) {
    RawClient client(port);
    ASSERT_TRUE(client.send(header + kWho));
    EXPECT_EQ(client.read().status, 400u);
    client.ends_cleanly();
    EXPECT_EQ(client.rest(), "");
  }
  RawClient plain(port);
  EXPECT_EQ(who(plain), "127.0.0.1\n");
}

TEST_F(HttpAdmission, ATrustedProxyNamesTheClientOfEachRequest) {
  trust("127.0.0.1");
  trust("10.0.0.0/8");
  RawClient client(start().port());
  EXPECT_EQ(who(client, "X-Forwarded-For: 192.0.2.7\r\n"), "192.0.2.7\n");
  EXPECT_EQ(who(client), "127.0.0.1\n");
  EXPECT_EQ(who(client, "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 192.0.2.8, 10.0.0.1\r\n"),
            "192.0.2.8\n");
  EXPECT_EQ(who(client, "X-Forwarded-For: unknown\r\n"), "127.0.0.1\n");
  // The header that our proxies do not write.
  EXPECT_EQ(who(client, "Forwarded: for=6.6.6.6\r\n"), "127.0.0.1\n");
}

TEST_F(HttpAdmission, ForwardedIsReadWhereThatIsTheirHeader) {
  trust("127.0.0.1");
  options.proxies.named_by = HopHeader::forwarded;
  RawClient client(start().port());
  EXPECT_EQ(who(client, "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=\"[2600::7]:80\"\r\n"),
            "2600::7\n");
}

TEST_F(HttpAdmission, WhatAnybodyElseSaysOfClientsIsIgnored) {
  trust("192.0.2.7");
  trust("unix");
  RawClient client(start().port());
  EXPECT_EQ(who(client, "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"), "127.0.0.1\n");
}

TEST_F(HttpAdmission, BehindAHeaderThereMayBeATrustedProxy) {
  headers_from("127.0.0.1");
  trust("192.0.2.7");
  RawClient client(start().port());
  ASSERT_TRUE(client.send(kLine));
  EXPECT_EQ(who(client, "X-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9\n");
}

TEST_F(HttpAdmission, ATrustedProxyNamesTheSchemeOfEachRequest) {
  trust("127.0.0.1");
  RawClient client(start().port());
  EXPECT_EQ(scheme(client), "http\n");
  EXPECT_EQ(scheme(client, "X-Forwarded-Proto: https\r\n"), "https\n");
  EXPECT_EQ(scheme(client, "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"),
            "https\n");
  EXPECT_EQ(scheme(client), "http\n");
  // The header that our proxies do not write.
  EXPECT_EQ(scheme(client, "Forwarded: for=192.0.2.7;proto=https\r\n"), "http\n");
}

TEST_F(HttpAdmission, ForwardedNamesTheSchemeWhereThatIsTheirHeader) {
  trust("127.0.0.1");
  options.proxies.named_by = HopHeader::forwarded;
  RawClient client(start().port());
  EXPECT_EQ(scheme(client, "Forwarded: for=192.0.2.7;proto=https\r\n"), "https\n");
  EXPECT_EQ(scheme(client, "X-Forwarded-Proto: https\r\n"), "http\n");
}

TEST_F(HttpAdmission, WhatAnybodyElseSaysOfTheSchemeIsIgnored) {
  trust("192.0.2.7");
  RawClient client(start().port());
  EXPECT_EQ(scheme(client, "X-Forwarded-Proto: https\r\nForwarded: proto=https\r\n"), "http\n");
}

TEST_F(HttpAdmission, OneAddressHasItsShareAndGetsItBack) {
  options.max_per_client = 2;
  auto& server = start();
  {
    RawClient one(server.port()), two(server.port());
    EXPECT_EQ(who(one), "127.0.0.1\n");
    EXPECT_EQ(who(two), "127.0.0.1\n");
    RawClient three(server.port());
    auto answer = three.read();
    EXPECT_EQ(answer.status, 429u);
    EXPECT_TRUE(answer.has("\r\nRetry-After: "));
    EXPECT_TRUE(three.ends_cleanly());
  }
  for (bool served = false; !served;) {
    RawClient again(server.port());
    again.get("/who");
    served = again.read().status == 200;
  }
}

TEST_F(HttpAdmission, BehindAProxyEachClientHasItsOwnShare) {
  headers_from("127.0.0.1");
  options.max_per_client = 1;
  auto port = start().port();
  RawClient one(port), same(port), other(port), check(port), second_check(port);
  ASSERT_TRUE(one.send(kLine + kWho));
  EXPECT_EQ(one.read().status, 200u);
  ASSERT_TRUE(same.send(kBinary + kWho));
  EXPECT_EQ(same.read().status, 429u);
  ASSERT_TRUE(other.send("PROXY TCP4 192.0.2.8 10.0.0.1 1 1\r\n" + kWho));
  EXPECT_EQ(other.read().status, 200u);
  for (auto* client : {&check, &second_check}) {  // the proxy's own
    ASSERT_TRUE(client->send(kLocal + kWho));
    EXPECT_EQ(client->read().status, 200u);
  }
}

TEST_F(HttpAdmission, ATrustedProxyMayHaveAsManyAsAllOfThem) {
  trust("127.0.0.1");
  options.max_per_client = 1;
  auto port = start().port();
  RawClient one(port), two(port);
  EXPECT_EQ(who(one), "127.0.0.1\n");
  EXPECT_EQ(who(two), "127.0.0.1\n");
}

TEST_F(HttpAdmission, WhatIsRefusedIsCounted) {
  headers_from("127.0.0.1");
  options.max_per_client = 1;
  options.probe = ServerProbe(registry);
  auto port = start().port();
  RawClient one(port), two(port), wrong(port);
  ASSERT_TRUE(one.send(kLine + kWho) && two.send(kLocal + kWho) && wrong.send(kWho));
  EXPECT_EQ(one.read().status, 200u);
  EXPECT_EQ(two.read().status, 200u);
  {
    RawClient left(port);
  }  // looks only whether somebody is there
  RawClient more(port);
  ASSERT_TRUE(more.send(kLine + kWho));
  EXPECT_EQ(more.read().status, 429u);
  wrong.ends_cleanly();
  EXPECT_EQ(registry.counter({"ncps_http_connections_over_share_total", "x"}).value(), 1u);
  EXPECT_EQ(registry.counter({"ncps_http_proxy_headers_refused_total", "x"}).value(), 1u);
}

struct HttpUnixAdmission : HttpAdmission {
  HttpUnixAdmission() { options.address = {.socket_path = (folder.path() / "s").native()}; }
  ncps::testing::TempDir folder;
};

TEST_F(HttpUnixAdmission, ClientsOfAUnixSocketHaveNoAddressAndNoShare) {
  options.max_per_client = 1;
  start();
  RawClient one(options.address.socket_path), two(options.address.socket_path);
  EXPECT_EQ(who(one, "X-Forwarded-For: 6.6.6.6\r\n"), "unix\n");
  EXPECT_EQ(who(two), "unix\n");
}

TEST_F(HttpUnixAdmission, AProxyOnAUnixSocketCanBeTrusted) {
  trust("unix");
  start();
  RawClient client(options.address.socket_path);
  EXPECT_EQ(who(client, "X-Forwarded-For: 192.0.2.7\r\n"), "192.0.2.7\n");
}

TEST_F(HttpUnixAdmission, AProxyOnAUnixSocketCanSendHeaders) {
  headers_from("unix");
  start();
  RawClient tcp(options.address.socket_path), local(options.address.socket_path);
  ASSERT_TRUE(tcp.send(kLine));
  EXPECT_EQ(who(tcp), "192.0.2.7\n");
  ASSERT_TRUE(local.send(kLocal));
  EXPECT_EQ(who(local), "unix\n");
}

// A client of a Unix socket at the proxy is none of ours, whatever we trust.
TEST_F(HttpUnixAdmission, AUnixSocketThatAHeaderNamesIsNotOurs) {
  headers_from("unix");
  trust("unix");
  start();
  RawClient client(options.address.socket_path);
  ASSERT_TRUE(client.send("\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8"s + std::string(216, 'u')));
  EXPECT_EQ(who(client, "X-Forwarded-For: 6.6.6.6\r\n"), "unix\n");
}

}  // namespace
}  // namespace ncps::http
