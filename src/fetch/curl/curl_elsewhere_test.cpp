#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "fetch/curl/homes.h"
#include "fetch/curl/testing/curl_fixture.h"
#include "fetch/curl/testing/raw_server.h"

namespace ncps::fetch {
namespace {

using testing::CurlTest;
using testing::RawConnection;
using testing::RawServer;

struct CurlElsewhere : CurlTest {
  std::uint16_t begin() {
    serve("/inside", [this] {
      ++asked;
      return http::text_response(200, "inside");
    });
    serve("/away", [this] {
      auto response = http::text_response(302, "");
      response.headers.push_back({"Location", by_name(port_)});
      return response;
    });
    return port_ = start().port();
  }
  static std::string by_name(std::uint16_t port) {
    return "http://localhost:" + std::to_string(port) + "/inside";
  }
  void expect_refused(HttpRequest request, std::string_view why) {
    auto answer = fetch(std::move(request));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind(), ErrorKind::upstream);
    EXPECT_TRUE(answer.error().what().contains(why)) << answer.error().what();
  }
  std::atomic<int> asked = 0;
  std::atomic<std::uint16_t> port_ = 0;
};

TEST_F(CurlElsewhere, WhoIsOfTheInternetOrUnknownLeadsToNoAddressOfOurs) {
  auto port = begin();
  for (int kept = 0; kept < 2; ++kept) {  // the second time over a connection that is there
    asked = 0;
    expect_refused(
        {.url = by_name(port), .elsewhere = Elsewhere::outward, .home = "http://cache.example/"},
        "not of the internet");
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(
        fetch({.url = by_name(port), .elsewhere = Elsewhere::any, .home = "http://cache.example/"})
            .value()
            .status,
        200);
  }
}

TEST_F(CurlElsewhere, WhoIsHereMayLeadToOthersThatAre) {
  auto port = begin();
  auto home = local(port, "/inside");
  EXPECT_TRUE(fetch({.url = home, .elsewhere = Elsewhere::outward, .home = home}));
  EXPECT_TRUE(fetch({.url = by_name(port), .elsewhere = Elsewhere::outward, .home = home}));
}

TEST_F(CurlElsewhere, ItsOwnHostIsAskedAtAnyPortAndNoOtherIfSoWanted) {
  auto port = begin();
  EXPECT_TRUE(fetch({.url = local(port, "/inside"),
                     .elsewhere = Elsewhere::same_host,
                     .home = "http://127.0.0.1:1"}));
  expect_refused(
      {.url = by_name(port), .elsewhere = Elsewhere::same_host, .home = local(port, "/")},
      "another host, http://localhost:");
}

TEST_F(CurlElsewhere, ARedirectIsJudgedAsWell) {
  auto port = begin();
  auto url = local(port, "/away");
  EXPECT_EQ(fetch({.url = url, .elsewhere = Elsewhere::outward}).value().status, 200);
  asked = 0;
  expect_refused({.url = url, .elsewhere = Elsewhere::same_host}, "another host");
  EXPECT_EQ(asked, 0);
}

TEST(Homes, AreBounded) {
  Homes homes;
  homes.note("http://first", AddressClass::inner);
  for (std::size_t i = 0; i < Homes::kMost; ++i)
    homes.note("http://" + std::to_string(i), AddressClass::link);
  EXPECT_FALSE(homes.find("http://first"));
  EXPECT_EQ(homes.find("http://" + std::to_string(Homes::kMost - 1)), AddressClass::link);
}

struct CurlHeads : CurlElsewhere {
  static void without_end(RawConnection& connection, std::string_view begin,
                          std::string_view line) {
    connection.read_head();
    connection.send(begin);
    while (connection.send(line)) {
    }
  }
};

TEST_F(CurlHeads, WithoutEndAreGivenUp) {
  std::string line = "X: " + std::string(4096, 'y') + "\r\n";
  for (auto [begin, more] : {std::pair<std::string, std::string>("HTTP/1.1 200 OK\r\n", line),
                             {"", "HTTP/1.1 103 Hints\r\n" + line + "\r\n"}}) {
    RawServer server([&](RawConnection& connection) { without_end(connection, begin, more); });
    expect_refused({.url = server.url()}, "larger than 256 KiB");
    client = make_curl_client({.user_agent = "ncps/test"});
  }
}

TEST_F(CurlHeads, TrailersWithoutEndAreGivenUp) {
  RawServer server([&](RawConnection& connection) {
    without_end(connection,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
                "X: y\r\n");
  });
  auto answer = fetch({.url = server.url()}).value();
  auto piece = next(*answer.body);
  for (int i = 0; i < 5 && piece && !piece->empty(); ++i) piece = next(*answer.body);
  ASSERT_FALSE(piece) << *piece;
  EXPECT_TRUE(piece.error().what().contains("256 KiB")) << piece.error().what();
  answer.body.reset();
  client.reset();
}

TEST_F(CurlHeads, InterimAnswersGainNoTime) {
  RawServer server([](RawConnection& connection) {
    connection.read_head();
    while (connection.send("HTTP/1.1 103 Hints\r\n\r\n")) ::usleep(50'000);
  });
  HttpRequest request{.url = server.url()};
  request.timeouts = {.connect = std::chrono::milliseconds(200),
                      .head = std::chrono::milliseconds(200)};
  auto answer = fetch(std::move(request));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::timeout);
  client.reset();
}

TEST_F(CurlHeads, ALengthThatIsNoneOrTwoIsRefused) {
  for (std::string_view lengths :
       {"Content-Length: 5\r\nContent-Length: 4\r\n", "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: 5, 5\r\n"}) {
    RawServer server([&](RawConnection& connection) {
      connection.read_head();
      connection.send("HTTP/1.1 200 OK\r\n" + std::string(lengths) + "\r\nhello");
    });
    expect_refused({.url = server.url()}, "Content-Length");
    client = make_curl_client({.user_agent = "ncps/test"});
  }
}

}  // namespace
}  // namespace ncps::fetch
