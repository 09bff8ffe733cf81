// What no client sends by mistake, in frames made by hand: each costs us little, and ends only the
// connection that it came on.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "http/h2/machine.h"
#include "http/h2_session.h"
#include "http/testing/h2_client.h"
#include "http/testing/server_fixture.h"

namespace ncps::http {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::Gate;
using testing::H2Client;
using testing::PieceSource;
using testing::RawClient;

// Source of the numbers: RFC 9113 sections 6 and 7.
enum Type : std::uint8_t {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload = "") {
  auto head = number(static_cast<std::uint32_t>(payload.size()), 3);
  head += static_cast<char>(type);
  head += static_cast<char>(flags);
  return head + number(stream, 4) + std::string(payload);
}

// A header as HPACK's literal without indexing, with a new name (RFC 7541 section 6.2.2).
std::string literal(std::string_view name, std::string_view value) {
  auto text = [](std::string_view word) {
    std::string size;
    if (word.size() < 127) {
      size += static_cast<char>(word.size());
    } else {
      size += '\x7f';
      auto rest = word.size() - 127;
      for (; rest >= 128; rest >>= 7) size += static_cast<char>(0x80 | (rest & 0x7f));
      size += static_cast<char>(rest);
    }
    return size + std::string(word);
  };
  return std::string(1, '\0') + text(name) + text(value);
}

std::string get(std::string_view path) {
  return literal(":method", "GET") + literal(":scheme", "http") + literal(":authority", "a") +
         literal(":path", path);
}

struct Frame {
  int type = -1;  // none: the connection has ended
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
  std::uint32_t code() const {  // of a RST_STREAM or GOAWAY
    std::uint32_t value = 0;
    auto at = type == kGoaway ? 4u : 0u;
    for (auto i = at; i < at + 4; ++i) value = value << 8 | static_cast<std::uint8_t>(payload[i]);
    return value;
  }
};

class RawH2 : public RawClient {
 public:
  // `more` is sent together with the preface.
  explicit RawH2(std::uint16_t port, int receive_buffer = 0, std::string_view more = "")
      : RawClient(port, receive_buffer) {
    send(std::string(kPreface) + frame(kSettings, 0, 0) + std::string(more));
  }

  Frame next() {
    auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text()[i]); };
    while (text().size() < 9)
      if (!more()) return {};
    std::size_t size = at(0) << 16 | at(1) << 8 | at(2);
    while (text().size() < 9 + size)
      if (!more()) return {};
    Frame got{at(3), at(4), 0, text().substr(9, size)};
    got.stream = static_cast<std::uint32_t>(at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8));
    used_ += 9 + size;
    return got;
  }

  // The next one of that type; what comes before it is thrown away.
  Frame next(Type type) {
    for (;;) {
      auto got = next();
      if (got.type == type || got.type < 0) return got;
    }
  }

  // Answered on that stream; false: reset, or the connection has ended.
  bool is_answered(std::uint32_t stream) {
    for (;;) {
      auto got = next();
      if (got.type < 0 || got.type == kGoaway) return false;
      if (got.stream != stream) continue;
      if (got.type == kReset) return false;
      if ((got.type == kHeaders || got.type == kData) && (got.flags & kEndStream) != 0) return true;
    }
  }

 private:
  std::string text() const { return rest().substr(used_); }
  std::size_t used_ = 0;
};

struct H2Hostile : testing::ServerTest {
  // Sends it again and again until the server has had enough; true: it has, in bounded time.
  static bool is_cut_off(RawH2& client, const std::function<std::string(std::uint32_t)>& make,
                         std::uint32_t most = 200'000) {
    for (std::uint32_t i = 0; i < most; ++i)
      if (!client.send(make(i))) return true;
    return false;
  }

  void expect_well(Server& server) {
    H2Client client(server.port());
    EXPECT_EQ(client.read(client.get("/hello")).body, "hello\n");
  }
};

TEST_F(H2Hostile, ThePrefaceMayComeByteByByte) {
  RawClient client(start().port());
  auto text = std::string(kPreface) + frame(kSettings, 0, 0) +
              frame(kHeaders, kEndStream | kEndHeaders, 1, get("/hello"));
  for (char c : text) ASSERT_TRUE(client.send(std::string_view(&c, 1)));
  while (!client.rest().contains("hello\n")) ASSERT_TRUE(client.more());
}

TEST_F(H2Hostile, HalfAPrefaceIsNoHttp2) {
  auto& server = start();
  RawClient wrong(server.port());
  ASSERT_TRUE(wrong.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(kSettings, 0, 0)));
  while (wrong.more()) continue;
  EXPECT_TRUE(wrong.ended() || wrong.reset());
  RawClient other(server.port());
  ASSERT_TRUE(other.send("PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"));
  EXPECT_EQ(other.read().status, 505u);
  expect_well(server);
}

TEST_F(H2Hostile, WhatIsMalformedEndsItsStreamAndNoHandlerSeesIt) {
  std::atomic<int> asked{0};
  routes["/asked"] = [&](const Request&) -> asio::awaitable<Response> {
    ++asked;
    co_return text_response(200, "asked");
  };
  RawH2 client(start().port());
  std::uint32_t stream = 1;
  for (auto more :
       {literal("X-Upper", "x"), literal("connection", "close"), literal("upgrade", "h2c"),
        literal("proxy-connection", "x"), literal("x y", "z"), literal("x", "a\r\nb: c"),
        literal("x", std::string("\0", 1)), literal(":path", "/asked"), literal(":nonsense", "x"),
        literal("", "x")}) {
    ASSERT_TRUE(
        client.send(frame(kHeaders, kEndStream | kEndHeaders, stream, get("/asked") + more)));
    EXPECT_FALSE(client.is_answered(stream)) << more;
    stream += 2;
  }
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, stream, get("/hello"))));
  EXPECT_TRUE(client.is_answered(stream));
  EXPECT_EQ(asked, 0);
}

TEST_F(H2Hostile, AMalformedHeadDoesNotCountAsOneThatIsStillToCome) {
  options.head_timeout = 1s;
  Gate gate;
  routes["/gated"] = [&](const Request&) -> asio::awaitable<Response> {
    co_await gate.pass();
    co_return text_response(200, "x");
  };
  auto& server = start();
  // The acknowledgement at once: the connection would end for want of that.
  RawH2 client(server.port(), 0, frame(kSettings, kAck, 0));
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 1, get("/gated"))));
  auto malformed = get("/hello") + literal("connection", "close");
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 3, malformed)));
  EXPECT_FALSE(client.is_answered(3));
  for (int i = 0; i < 3; ++i) {  // each takes as long as a head may
    RawClient slow(server.port());
    ASSERT_TRUE(slow.send("GET / HTTP/1.1\r\n"));
    EXPECT_EQ(slow.read().status, 408u);
  }
  gate.open();
  EXPECT_TRUE(client.is_answered(1));
}

TEST_F(H2Hostile, TrailersAreIgnored) {
  routes["/echo"] = [](const Request& request) -> asio::awaitable<Response> {
    auto piece = co_await request.body->next();
    std::string text(std::get<std::string_view>(*piece));
    piece = co_await request.body->next();
    co_return text_response(200, text + "|" + std::string(request.header("x-late")) + "|" +
                                     std::to_string(piece_size(*piece)));
  };
  RawH2 client(start().port());
  ASSERT_TRUE(client.send(frame(kHeaders, kEndHeaders, 1, get("/echo")) +
                          frame(kData, 0, 1, "abc") +
                          frame(kHeaders, kEndStream | kEndHeaders, 1, literal("x-late", "x"))));
  EXPECT_EQ(client.next(kData).payload, "abc||0\n");
}

TEST_F(H2Hostile, RequestsThatAreTakenBackAtOnceEndTheConnectionAndRunNoHandlerWithoutBound) {
  Gate gate;
  std::atomic<int> running{0}, most{0};
  routes["/gated"] = [&](const Request&) -> asio::awaitable<Response> {
    most = std::max(most.load(), ++running);
    co_await gate.pass();
    --running;
    co_return text_response(200, "x");
  };
  auto& server = start();
  RawH2 client(server.port());
  // In pieces of their own, so that handlers begin before the request is taken back.
  bool cut = is_cut_off(client, [](std::uint32_t i) {
    return frame(kReset, 0, 2 * i - 1, number(8, 4)).substr(i == 0 ? 13 : 0) +
           frame(kHeaders, kEndStream | kEndHeaders, 2 * i + 1, get("/gated"));
  });
  EXPECT_TRUE(cut);
  expect_well(server);
  EXPECT_LE(most, static_cast<int>(options.max_streams));
  EXPECT_GT(most, 0);
  gate.open();
  server.drain(Deadline::never());  // nobody is at the gate any more
}

// The same, but it is us who are brought to reset them (CVE-2025-8671): by a WINDOW_UPDATE that is too much.
TEST_F(H2Hostile, RequestsThatWeAreMadeToResetRunNoHandlerWithoutBound) {
  Gate gate;
  std::atomic<int> running{0}, most{0};
  routes["/gated"] = [&](const Request&) -> asio::awaitable<Response> {
    most = std::max(most.load(), ++running);
    co_await gate.pass();
    --running;
    co_return text_response(200, "x");
  };
  auto& server = start();
  RawH2 client(server.port());
  constexpr std::uint32_t kRequests = 2'000;
  for (std::uint32_t i = 0; i < kRequests; ++i)
    ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 2 * i + 1, get("/gated")) +
                            frame(kWindowUpdate, 0, 2 * i + 1, number(0x7fffffff, 4))));
  for (std::uint32_t resets = 0; resets < kRequests; ++resets)
    ASSERT_EQ(client.next(kReset).type, kReset);
  EXPECT_LE(most, static_cast<int>(options.max_streams));
  expect_well(server);
  gate.open();
  server.drain(Deadline::never());
}

TEST_F(H2Hostile, MoreRequestsThanAllowedAreRefusedAndTheOthersAnswered) {
  options.max_streams = 20;
  Gate gate;
  routes["/gated"] = [&](const Request&) -> asio::awaitable<Response> {
    co_await gate.pass();
    co_return text_response(200, "x");
  };
  auto& server = start();
  RawH2 client(server.port());
  std::string requests;
  for (std::uint32_t i = 0; i < options.max_streams + 50; ++i)
    requests += frame(kHeaders, kEndStream | kEndHeaders, 2 * i + 1, get("/gated"));
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 50; ++i) {
    auto refused = client.next(kReset);
    ASSERT_EQ(refused.type, kReset);
    EXPECT_EQ(refused.code(), static_cast<std::uint32_t>(h2::Code::refused_stream));
    EXPECT_GT(refused.stream, 2 * options.max_streams);
  }
  gate.open();
  for (std::uint32_t i = 0; i < options.max_streams; ++i)
    EXPECT_EQ(client.next(kHeaders).type, kHeaders);
  server.drain(Deadline::never());
}

TEST_F(H2Hostile, FloodsOfFramesThatAskForNothingEndTheConnection) {
  const std::pair<const char*, std::string> rows[] = {
      {"ping", frame(kPing, 0, 0, "12345678")},
      {"pong", frame(kPing, kAck, 0, "12345678")},
      {"settings", frame(kSettings, 0, 0)},
      {"empty data", frame(kData, 0, 1)},
      {"tiny data", frame(kData, 0, 1, "x")},
      {"window update", frame(kWindowUpdate, 0, 0, number(1, 4))},
      {"priority", frame(kPriority, 0, 3, number(0, 5))},
      {"padding", frame(kData, 8, 1, std::string(1, '\x05') + std::string(5, '\0'))},
  };
  routes["/reads"] = [](const Request& request) -> asio::awaitable<Response> {
    for (;;) {
      auto piece = co_await request.body->next();
      if (!piece || piece_size(*piece) == 0) co_return text_response(200, "read");
    }
  };
  auto& server = start();
  for (const auto& [name, bytes] : rows) {
    RawH2 client(server.port(), 4096);
    ASSERT_TRUE(client.send(frame(kHeaders, kEndHeaders, 1, get("/reads"))));
    std::string many;
    for (int i = 0; i < 100; ++i) many += bytes;
    EXPECT_TRUE(is_cut_off(client, [&](std::uint32_t) { return many; }, 20'000)) << name;
    expect_well(server);
  }
}

// Their answers wait for a client that reads nothing.
TEST_F(H2Hostile, AnswersThatNobodyReadsAreBounded) {
  auto& server = start();
  for (auto bytes : {frame(kPing, 0, 0, "12345678"), frame(kSettings, 0, 0)}) {
    RawH2 client(server.port(), 4096);
    std::string many;
    for (int i = 0; i < 1000; ++i) many += bytes;
    EXPECT_TRUE(is_cut_off(client, [&](std::uint32_t) { return many; }, 10'000));
  }
  // Each is refused with a RST_STREAM.
  RawH2 client(server.port(), 4096);
  auto many = [](std::uint32_t i) {
    std::string text;
    for (std::uint32_t n = i * 100; n < (i + 1) * 100; ++n)
      text += frame(kHeaders, kEndStream | kEndHeaders, 2 * n + 1,
                    get("/hello") + literal("connection", "x"));
    return text;
  };
  EXPECT_TRUE(is_cut_off(client, many, 10'000));
  expect_well(server);
}

TEST_F(H2Hostile, AHeadWithoutEndIsBounded) {
  options.head_timeout = 1s;
  auto& server = start();
  RawH2 many(server.port());
  ASSERT_TRUE(many.send(frame(kHeaders, kEndStream, 1, get("/hello"))));
  EXPECT_TRUE(is_cut_off(many, [](std::uint32_t) { return frame(kContinuation, 0, 1); }));
  RawH2 large(server.port());
  ASSERT_TRUE(large.send(frame(kHeaders, kEndStream, 1, get("/hello"))));
  auto line = frame(kContinuation, 0, 1, literal("x", std::string(10'000, 'x')));
  EXPECT_TRUE(is_cut_off(large, [&](std::uint32_t) { return line; }));
  RawH2 slow(server.port());  // it never ends
  ASSERT_TRUE(slow.send(frame(kHeaders, kEndStream, 1, get("/hello"))));
  EXPECT_EQ(slow.next(kGoaway).type, kGoaway);
  RawH2 half(server.port());  // not even the frame
  ASSERT_TRUE(half.send(frame(kHeaders, kEndStream | kEndHeaders, 1, get("/hello")).substr(0, 20)));
  EXPECT_EQ(half.next(kGoaway).type, kGoaway);
  expect_well(server);
}

// A few bytes each, that stand for 4 KiB in HPACK's table.
TEST_F(H2Hostile, AHeadThatGrowsWhenItIsReadIsRefusedInBoundedMemory) {
  auto& server = start();
  RawH2 client(server.port());
  std::string value(3'900, 'x');
  auto indexed = literal("x", value);
  indexed[0] = '\x40';  // the same, and into the table
  auto bomb = get("/hello") + indexed + std::string(10'000, '\xbe');  // its index: 62
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 1, bomb)));
  EXPECT_TRUE(client.is_answered(1));  // with 431
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 3, get("/hello"))));
  EXPECT_TRUE(client.is_answered(3));
  expect_well(server);
}

TEST_F(H2Hostile, HeadsOfManyRequestsAreBoundedTogether) {
  Gate gate;
  routes["/gated"] = [&](const Request&) -> asio::awaitable<Response> {
    co_await gate.pass();
    co_return text_response(200, "x");
  };
  auto& server = start();
  RawH2 client(server.port());
  auto head = get("/gated") + literal("x", std::string(15'000, 'x'));
  for (std::uint32_t i = 0; i < 200; ++i)
    ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 2 * i + 1, head)));
  auto refused = client.next(kReset);
  ASSERT_EQ(refused.type, kReset);
  EXPECT_EQ(refused.code(), static_cast<std::uint32_t>(h2::Code::refused_stream));
  EXPECT_GT(refused.stream, 2 * H2Session::kMostHeads / 16'384);
  gate.open();
  server.drain(Deadline::after(0s));
}

// Byte by byte, each in a frame of its own.
TEST_F(H2Hostile, AWindowThatOpensByteByByteEndsTheConnection) {
  serve("/large", [] {
    Response response;
    response.body = std::string(1'000'000, 'x');
    return response;
  });
  auto& server = start();
  RawH2 client(server.port(), 4096);
  ASSERT_TRUE(client.send(frame(kSettings, 0, 0, number(4, 2) + number(0, 4)) +
                          frame(kHeaders, kEndStream | kEndHeaders, 1, get("/large"))));
  EXPECT_TRUE(is_cut_off(
      client,
      [](std::uint32_t) {
        std::string text;
        for (int i = 0; i < 100; ++i) text += frame(kWindowUpdate, 0, 1, number(1, 4));
        return text;
      },
      20'000));
  expect_well(server);
}

TEST_F(H2Hostile, AClientThatReadsNothingAtAllIsGivenUp) {
  options.write_timeout = 1s;
  serve("/large", [] {
    Response response;
    response.body = std::string(64 << 20, 'x');
    return response;
  });
  RawH2 client(start().port(), 4096);
  ASSERT_TRUE(client.send(frame(kWindowUpdate, 0, 0, number(1 << 30, 4)) +
                          frame(kSettings, 0, 0, number(4, 2) + number(1 << 30, 4)) +
                          frame(kHeaders, kEndStream | kEndHeaders, 1, get("/large"))));
  EXPECT_TRUE(client.wait_for_reset());
}

TEST_F(H2Hostile, WhoNeverAcceptsOurSettingsIsGivenUp) {
  options.head_timeout = 1s;
  RawH2 client(start().port());
  auto end = client.next(kGoaway);
  ASSERT_EQ(end.type, kGoaway);
  EXPECT_EQ(end.code(), static_cast<std::uint32_t>(h2::Code::settings_timeout));
}

TEST_F(H2Hostile, AnEndComesInTwoSteps) {
  options.idle_timeout = 1s;
  options.tick = 5s;  // so long the client has for its answer to the first step
  RawH2 client(start().port());
  ASSERT_TRUE(client.send(frame(kSettings, kAck, 0)));
  auto first = client.next(kGoaway);
  EXPECT_EQ(first.payload.substr(0, 4), "\x7f\xff\xff\xff");
  auto ping = client.next(kPing);
  ASSERT_EQ(ping.type, kPing);
  // A request that was on its way is answered.
  ASSERT_TRUE(client.send(frame(kHeaders, kEndStream | kEndHeaders, 1, get("/hello")) +
                          frame(kPing, kAck, 0, ping.payload)));
  Frame got;
  std::string seen;
  while ((got = client.next()).type >= 0) {
    if (got.type == kGoaway) seen += "goaway " + std::to_string(got.payload[3]) + " ";
    if (got.type == kData) seen += got.payload;
  }
  EXPECT_TRUE(seen == "goaway 1 hello\n" || seen == "hello\ngoaway 1 ") << seen;
  EXPECT_TRUE(client.ends_cleanly());
}

}  // namespace
}  // namespace ncps::http
