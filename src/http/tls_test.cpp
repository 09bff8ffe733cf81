// Handshakes with OpenSSL's client, right and wrong. What is served after one: http.over_tls.
#include <gtest/gtest.h>

#include <thread>

#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

using namespace std::chrono_literals;
using testing::Authority;
using testing::pattern;
using testing::PieceSource;
using testing::RawClient;
using testing::response_of;
using testing::TlsWishes;

struct Tls : testing::ServerTest {
  Authority authority, clients{"authority of clients"};
  TlsOptions own = authority.options();

  Tls() {
    options.probe = ServerProbe(registry);
    routes["/who"] = [](const Request& request) -> boost::asio::awaitable<Response> {
      std::string who = "|";
      for (const auto& name : request.certificate) who += name + "|";
      co_return text_response(200, who);
    };
    routes["/scheme"] = [](const Request& request) -> boost::asio::awaitable<Response> {
      co_return text_response(200, name_of(request.scheme));
    };
  }

  Server& start_tls() {
    options.tls = TlsContext::make(own).value();
    return start();
  }

  static std::string get(RawClient& client, std::string_view path = "/hello") {
    if (!client.get(path)) return "(not sent)";
    auto answer = client.read();
    return answer.complete ? answer.body : "(incomplete)";
  }

  double counted(TlsFailure failure) {
    auto wanted = std::string(to_string(failure));
    for (const auto& family : registry.picture())
      if (family.name.name == "ncps_tls_handshake_failures_total")
        for (const auto& sample : family.samples)
          if (sample.labels.front().second == wanted) return sample.value;
    return -1;
  }

  // How many handshakes failed for that reason. A client may hear of it before it is counted.
  double failures(TlsFailure failure, double expected) {
    auto until = Deadline::after(20s);
    while (counted(failure) < expected && !until.passed()) std::this_thread::yield();
    return counted(failure);
  }
};

TEST_F(Tls, AClientThatTrustsOurAuthorityIsServed) {
  auto port = start_tls().port();
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient client(port, TlsWishes{.trusted = authority.certificate(), .at_most = version});
    ASSERT_TRUE(client.tls().secured()) << client.tls().error();
    EXPECT_EQ(::SSL_version(client.tls().session()), version);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(get(client), "hello\n");
    EXPECT_EQ(get(client, "/who"), "|\n");
    EXPECT_EQ(get(client, "/scheme"), "https\n");
  }
}

TEST_F(Tls, OldVersionsAreRefused) {
  auto port = start_tls().port();
  for (int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    RawClient client(port, TlsWishes{.at_least = version, .at_most = version});
    EXPECT_FALSE(client.tls().secured());
    EXPECT_TRUE(client.tls().error().contains("protocol version")) << client.tls().error();
  }
  EXPECT_EQ(failures(TlsFailure::version, 2), 2);
}

TEST_F(Tls, ProtocolsAreAgreedOn) {
  own.alpn = {"x/2", "http/1.1"};
  auto port = start_tls().port();
  struct Row {
    std::vector<std::string> offered;
    std::string agreed;
  };
  const Row rows[] = {{{}, ""},
                      {{"http/1.1"}, "http/1.1"},
                      {{"h2", "http/1.1"}, "http/1.1"},
                      {{"http/1.1", "x/2"}, "x/2"}};
  for (const auto& row : rows) {
    RawClient client(port, TlsWishes{.alpn = row.offered});
    ASSERT_TRUE(client.tls().secured()) << client.tls().error();
    EXPECT_EQ(client.tls().protocol(), row.agreed);
    EXPECT_EQ(get(client), "hello\n");
  }
  RawClient stranger(port, TlsWishes{.alpn = {"imap"}});
  EXPECT_FALSE(stranger.tls().secured());
  EXPECT_EQ(failures(TlsFailure::nothing_shared, 1), 1);
}

TEST_F(Tls, PlainHttpIsToldSoAndCounted) {
  auto port = start_tls().port();
  for (auto text : {"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "DELETE /x HTTP/1.1\r\n\r\n",
                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    RawClient client(port, 0, nullptr);
    ASSERT_TRUE(client.send(text));
    auto answer = client.read();
    EXPECT_EQ(answer.status, 400u);
    EXPECT_TRUE(answer.body.contains("https://")) << answer.body;
    EXPECT_TRUE(client.ends_cleanly());
  }
  EXPECT_EQ(failures(TlsFailure::plain_http, 3), 3);
}

TEST_F(Tls, GarbageEndsTheConnectionAndNothingElse) {
  auto port = start_tls().port();
  RawClient good(port, TlsWishes{});
  auto hello = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  for (const std::string& text : {pattern(5000), std::string(4096, '\0'), hello + pattern(600),
                                  std::string("\x16\x03\x01")}) {
    RawClient client(port, 0, nullptr);
    client.send(text);
    ::shutdown(client.descriptor(), SHUT_WR);
    EXPECT_EQ(client.read().status, 0u);
  }
  EXPECT_EQ(get(good), "hello\n");
}

TEST_F(Tls, AHandshakeMayComeByteByByte) {
  auto port = start_tls().port();
  RawClient client(port, 0, nullptr);
  // OpenSSL writes into memory, and we carry what it writes.
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(::SSL_CTX_new(::TLS_client_method()),
                                                              ::SSL_CTX_free);
  std::unique_ptr<SSL, decltype(&::SSL_free)> session(::SSL_new(context.get()), ::SSL_free);
  auto *in = ::BIO_new(::BIO_s_mem()), *out = ::BIO_new(::BIO_s_mem());
  ::SSL_set_bio(session.get(), in, out);
  ::SSL_set_connect_state(session.get());
  auto carry = [&] {
    char byte;
    while (::BIO_read(out, &byte, 1) == 1)
      ASSERT_EQ(::send(client.descriptor(), &byte, 1, MSG_NOSIGNAL), 1);
  };
  auto fetch = [&] {
    char bytes[4096];
    auto got = ::recv(client.descriptor(), bytes, sizeof bytes, 0);
    ASSERT_GT(got, 0);
    ::BIO_write(in, bytes, static_cast<int>(got));
  };
  while (::SSL_do_handshake(session.get()) != 1) {
    carry();
    fetch();
    if (HasFatalFailure()) return;
  }
  std::string request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", answer;
  ::SSL_write(session.get(), request.data(), static_cast<int>(request.size()));
  carry();
  while (!answer.ends_with("hello\n")) {
    char bytes[4096];
    auto got = ::SSL_read(session.get(), bytes, sizeof bytes);
    if (got > 0) {
      answer.append(bytes, static_cast<std::size_t>(got));
    } else {
      fetch();
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(Tls, WhoStopsInTheMiddleOfAHandshakeIsGivenUp) {
  options.head_timeout = 1s;
  auto port = start_tls().port();
  RawClient silent(port, 0, nullptr), half(port, 0, nullptr);
  ASSERT_TRUE(half.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
  EXPECT_EQ(half.read().status, 0u);
  EXPECT_EQ(silent.read().status, 0u);
  EXPECT_EQ(failures(TlsFailure::timeout, 2), 2);
  RawClient left(port, 0, nullptr);
  ::shutdown(left.descriptor(), SHUT_WR);
  EXPECT_EQ(left.read().status, 0u);
  EXPECT_EQ(failures(TlsFailure::gone, 1), 1);
}

TEST_F(Tls, RenegotiationIsRefused) {
  auto port = start_tls().port();
  RawClient client(port, TlsWishes{.at_most = TLS1_2_VERSION});
  EXPECT_EQ(get(client), "hello\n");
  EXPECT_FALSE(client.tls().renegotiates());
  EXPECT_EQ(client.tls().error(), "no renegotiation");
}

TEST_F(Tls, KeysMayBeChangedInTheMiddle) {
  auto port = start_tls().port();
  RawClient client(port, TlsWishes{.at_least = TLS1_3_VERSION});
  for (int i = 0; i < 5; ++i) {
    ::SSL_key_update(client.tls().session(), SSL_KEY_UPDATE_REQUESTED);
    EXPECT_EQ(get(client), "hello\n");
  }
}

TEST_F(Tls, ACleanEndIsSaidAndABrokenOneIsNot) {
  serve("/broken", [] {
    auto source = std::make_unique<PieceSource>();
    source->pieces = {std::string(100, 'x')};
    source->error = Error{ErrorKind::unavailable, "broken on purpose in a test"};
    return response_of(std::move(source), 200);
  });
  serve("/until-close", [] {
    auto source = std::make_unique<PieceSource>();
    source->pieces = {std::string(100, 'x')};
    return response_of(std::move(source), std::nullopt);
  });
  auto port = start_tls().port();
  RawClient broken(port, TlsWishes{}), whole(port, TlsWishes{}), asked(port, TlsWishes{});
  ASSERT_TRUE(broken.get("/broken"));
  EXPECT_FALSE(broken.read().complete);
  EXPECT_FALSE(broken.ended());
  ASSERT_TRUE(whole.send("GET /until-close HTTP/1.0\r\n\r\n"));
  auto answer = whole.read();
  EXPECT_EQ(answer.body, std::string(100, 'x'));
  EXPECT_TRUE(answer.complete) << "with close_notify";
  ASSERT_TRUE(asked.get("/hello", "Connection: close\r\n"));
  EXPECT_EQ(asked.read().status, 200u);
  EXPECT_TRUE(asked.ends_cleanly());
}

TEST_F(Tls, ARequestBeforeAHalfCloseIsAnswered) {
  auto port = start_tls().port();
  RawClient client(port, TlsWishes{});
  ASSERT_TRUE(client.get("/hello"));
  ::SSL_shutdown(client.tls().session());
  ::shutdown(client.descriptor(), SHUT_WR);
  EXPECT_EQ(client.read().body, "hello\n");
}

TEST_F(Tls, ClientsAreKnownByTheirCertificates) {
  own.client_authorities = {clients.certificate()};
  auto port = start_tls().port();
  auto ci = clients.sign({.common_name = "ci", .alternative_names = "DNS:ci.example"});
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient known(port, TlsWishes{.own = ci, .at_most = version});
    EXPECT_EQ(get(known, "/who"), "|ci.example|ci|\n");
    RawClient nobody(port, TlsWishes{.at_most = version});
    EXPECT_EQ(get(nobody, "/who"), "|\n");
  }
}

TEST_F(Tls, ACertificateThatNobodyWeKnowHasSignedIsRefused) {
  own.client_authorities = {clients.certificate()};
  auto port = start_tls().port();
  Authority stranger("authority of clients");  // the same name, another key
  const testing::Identity wrong[] = {stranger.sign({.common_name = "ci"}),
                                     authority.sign({.common_name = "ci"}),
                                     clients.sign({.common_name = "ci", .end = -60}),
                                     clients.sign({.common_name = "ci", .begin = 3600})};
  double refused = 0;
  for (const auto& identity : wrong)
    for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      RawClient client(port, TlsWishes{.own = identity, .at_most = version});
      // In TLS 1.3 the client has finished before it hears of it.
      EXPECT_FALSE(client.tls().secured() && client.get("/who") && client.read().status != 0);
      EXPECT_FALSE(client.ended());
      ++refused;
      EXPECT_EQ(failures(TlsFailure::certificate, refused), refused) << client.tls().error();
    }
}

// A client that comes back with a ticket shows nothing again: what it has shown is in the ticket.
TEST_F(Tls, AResumedSessionKeepsItsCertificateUntilTheContextIsReplaced) {
  own.client_authorities = {clients.certificate()};
  auto& server = start_tls();
  auto ci = clients.sign({.common_name = "ci"});
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient first(server.port(), TlsWishes{.own = ci, .at_most = version});
    EXPECT_EQ(get(first, "/who"), "|ci|\n");
    std::unique_ptr<SSL_SESSION, decltype(&::SSL_SESSION_free)> ticket(
        ::SSL_get1_session(first.tls().session()), ::SSL_SESSION_free);
    TlsWishes again{.at_most = version, .resume = ticket.get()};
    RawClient second(server.port(), again);
    EXPECT_EQ(::SSL_session_reused(second.tls().session()), 1);
    EXPECT_EQ(get(second, "/who"), "|ci|\n");

    server.use_tls(TlsContext::make(own).value());
    RawClient third(server.port(), again);
    EXPECT_EQ(::SSL_session_reused(third.tls().session()), 0);
    EXPECT_EQ(get(third, "/who"), "|\n");
    EXPECT_EQ(get(second, "/who"), "|ci|\n") << "a connection stays what it is";
  }
}

TEST_F(Tls, AnotherCertificateIsForNewConnections) {
  auto& server = start_tls();
  RawClient old(server.port(), TlsWishes{.trusted = authority.certificate()});
  EXPECT_EQ(get(old), "hello\n");
  Authority other("other");
  server.use_tls(TlsContext::make(other.options()).value());
  RawClient fresh(server.port(), TlsWishes{.trusted = other.certificate()});
  EXPECT_EQ(get(fresh), "hello\n");
  EXPECT_EQ(get(old), "hello\n");
  RawClient late(server.port(), TlsWishes{.trusted = authority.certificate()});
  EXPECT_FALSE(late.tls().secured());
  EXPECT_FALSE(late.ends_cleanly());
  EXPECT_EQ(failures(TlsFailure::not_trusted, 1), 1);
}

TEST_F(Tls, ItsCertificateExpiresWithTheFirstOfItsChain) {
  auto end = [](const Certificate& one) { return validity_of(one).end; };
  auto early = clients.sign({.end = 60}).certificate,
       late = clients.sign({.end = 9999}).certificate;
  EXPECT_EQ(TlsContext::make(own).value()->expires(), end(own.chain.front()));
  own.chain.push_back(late);
  EXPECT_EQ(TlsContext::make(own).value()->expires(), end(late));
  own.chain.push_back(early);
  EXPECT_EQ(TlsContext::make(own).value()->expires(), end(early));
}

TEST_F(Tls, BeyondTheLimitConnectionsAreEndedWithoutAHandshake) {
  options.max_connections = 1;
  auto& server = start_tls();
  RawClient first(server.port(), TlsWishes{});
  EXPECT_EQ(get(first), "hello\n");
  RawClient second(server.port(), TlsWishes{});
  EXPECT_FALSE(second.tls().secured());
  EXPECT_EQ(get(first), "hello\n");
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(Tls, AUnixSocketStaysPlain) {
  options.tls = TlsContext::make(own).value();
  options.address = {.socket_path = "/tmp/ncps-tls-test-" + std::to_string(::getpid())};
  auto started = Server::start(runtime, disk, options, {});
  ASSERT_FALSE(started);
  EXPECT_TRUE(started.error().what().contains("stays plain")) << started.error().what();
}

// While a server drains, who was accepted before and had to shake hands first is still answered.
TEST_F(Tls, AHandshakeThatADrainInterruptsLeadsToAnAnswer) {
  auto& server = start_tls();
  RawClient client(server.port(), TlsWishes{.shake_hands = false});
  RawClient idle(server.port(), TlsWishes{});
  EXPECT_EQ(get(idle), "hello\n");  // both are accepted: they came in that order
  auto drained = std::async(std::launch::async, [&] { server.drain(Deadline::never()); });
  EXPECT_TRUE(idle.ends_cleanly());  // from here on the drain has begun
  ASSERT_TRUE(client.tls().shake_hands()) << client.tls().error();
  ASSERT_TRUE(client.get("/hello"));
  auto answer = client.read();
  EXPECT_EQ(answer.body, "hello\n");
  EXPECT_TRUE(answer.has("Connection: close"));
  EXPECT_TRUE(client.ends_cleanly());
  drained.get();
}

}  // namespace
}  // namespace ncps::http
