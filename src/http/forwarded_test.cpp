#include "http/forwarded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ncps::http {
namespace {

const std::vector<Network> kTrusted = {*parse_network("10.0.0.0/8"),
                                       *parse_network("2001:db8::/32"), *parse_network("unix")};

std::string behind(const std::vector<std::string>& values, HopHeader header) {
  std::vector<std::string_view> views(values.begin(), values.end());
  auto client = client_behind(views, header, kTrusted).client;
  return client ? client->str() : "-";
}

std::string_view shown(std::optional<Scheme> scheme) {
  return scheme ? name_of(*scheme) : "-";
}

TEST(XForwardedFor, TheRightMostThatIsNoProxyIsTheClient) {
  struct Row {
    std::vector<std::string> values;
    std::string client;
  };
  const Row rows[] = {
      {{}, "-"},
      {{""}, "-"},
      {{" , ,"}, "-"},
      {{"192.0.2.7"}, "192.0.2.7"},
      {{"192.0.2.7, 10.0.0.1"}, "192.0.2.7"},
      {{"6.6.6.6, 192.0.2.7, 10.0.0.1,\t10.0.0.2 "}, "192.0.2.7"},
      {{"6.6.6.6", "192.0.2.7"}, "192.0.2.7"},
      {{"6.6.6.6, 192.0.2.7", "10.0.0.1"}, "192.0.2.7"},
      {{"192.0.2.7,,"}, "192.0.2.7"},
      {{"192.0.2.7:4711"}, "192.0.2.7"},
      {{"2600::7"}, "2600::7"},
      {{"[2600::7]"}, "2600::7"},
      {{"[2600::7]:4711, [2001:db8::1]:80"}, "2600::7"},
      {{"::ffff:10.0.0.9"}, "10.0.0.9"},
      {{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},          // all of them are ours: the farthest
      {{"unknown"}, "-"},                            // the proxy does not say
      {{"6.6.6.6, unknown, 10.0.0.2"}, "10.0.0.2"},  // nobody knows further
      {{"6.6.6.6, 192.0.2.7x"}, "-"},
      {{"192.0.2.7:x"}, "-"},
      {{"192.0.2.7:123456"}, "-"},
      {{"192.0.2.7:"}, "-"},
      {{"[192.0.2.7]"}, "-"},
      {{"[2600::7"}, "-"},
      {{"[2600::7]x"}, "-"},
      {{"2600::7%eth0"}, "-"},
      {{"\"192.0.2.7\""}, "-"},
      {{"for=192.0.2.7"}, "-"},
      {{"unix"}, "-"},
      {{"192.0.2.7 10.0.0.1"}, "-"},
      {{std::string(30'000, 'x')}, "-"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(behind(row.values, HopHeader::x_forwarded_for), row.client)
        << ::testing::PrintToString(row.values);
}

TEST(XForwardedFor, NoMoreHopsThanThatAreWalked) {
  std::string ours;
  for (int i = 0; i < 5000; ++i) ours += ",10.0.0.1";
  EXPECT_EQ(behind({"192.0.2.7" + ours}, HopHeader::x_forwarded_for), "10.0.0.1");
  std::string few;
  for (std::size_t i = 0; i + 1 < kMostHops; ++i) few += ",10.0.0.1";
  EXPECT_EQ(behind({"192.0.2.7" + few}, HopHeader::x_forwarded_for), "192.0.2.7");
}

TEST(Forwarded, TheRightMostThatIsNoProxyIsTheClient) {
  struct Row {
    std::vector<std::string> values;
    std::string client;
  };
  const Row rows[] = {
      {{""}, "-"},
      {{"for=192.0.2.7"}, "192.0.2.7"},
      {{"For=192.0.2.7;proto=http;by=203.0.113.43"}, "192.0.2.7"},
      {{"proto=http ; for=\"192.0.2.7:80\""}, "192.0.2.7"},
      {{"for=6.6.6.6, for=192.0.2.7, for=10.0.0.1"}, "192.0.2.7"},
      {{"for=6.6.6.6", "for=192.0.2.7"}, "192.0.2.7"},
      {{"for=\"[2600::7]:4711\""}, "2600::7"},
      {{"for=\"\\[2600::7\\]\""}, "2600::7"},
      {{"for=192.0.2.7,"}, "192.0.2.7"},
      {{"for=[2600::7]"}, "-"},  // must be quoted
      {{"for=unknown"}, "-"},
      {{"for=_hidden, for=10.0.0.1"}, "10.0.0.1"},
      {{"proto=http"}, "-"},
      {{"for=6.6.6.6;for=192.0.2.7"}, "-"},
      {{"192.0.2.7"}, "-"},
      {{"for = 192.0.2.7"}, "-"},
      {{"for=192.0.2.7 x"}, "-"},
      {{"for="}, "-"},
      // A quote that a client has left open does not swallow what our proxy added.
      {{"for=6.6.6.6, for=\", for=192.0.2.7"}, "-"},
      {{"for=6.6.6.6;x=\", for=\"[2600::7]\""}, "-"},
      {{"for=6.6.6.6;x=\"", "for=192.0.2.7"}, "192.0.2.7"},
      {{"for=6.6.6.6;x=\"", "for=10.0.0.1"}, "10.0.0.1"},
      {{"for=\"192.0.2.7\\"}, "-"},
      {{"for=\"192.0.2.7"}, "-"},
      {{"for=192.0.2.7;x=\", for=6.6.6.6\""}, "192.0.2.7"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(behind(row.values, HopHeader::forwarded), row.client)
        << ::testing::PrintToString(row.values);
}

TEST(Forwarded, TheSchemeIsThatOfTheLeftMostHopThatOursHaveAdded) {
  struct Row {
    std::vector<std::string> values;
    std::string_view scheme;
  };
  const Row rows[] = {
      {{}, "-"},
      {{"for=192.0.2.7"}, "-"},
      {{"for=192.0.2.7;proto=https"}, "https"},
      {{"For=192.0.2.7;Proto=HTTPS"}, "https"},
      {{"proto=\"https\";for=192.0.2.7"}, "https"},
      {{"proto=https"}, "https"},
      {{"for=unknown;proto=https"}, "https"},
      {{"for=192.0.2.7;proto=https, for=10.0.0.1;proto=http"}, "https"},
      {{"for=192.0.2.7;proto=https", "for=10.0.0.1;proto=http"}, "https"},
      {{"for=192.0.2.7, for=10.0.0.1;proto=https"}, "https"},
      {{"for=6.6.6.6;proto=https, for=192.0.2.7;proto=http"}, "http"},
      {{"for=6.6.6.6;proto=https, for=192.0.2.7"}, "-"},
      {{"for=6.6.6.6;proto=https, for=unknown"}, "-"},
      {{"for=192.0.2.7;proto=wss"}, "-"},
      {{"for=192.0.2.7;proto=https;proto=https"}, "-"},
      {{"for=192.0.2.7;proto="}, "-"},
      {{"for=6.6.6.6;proto=https;x=\", for=192.0.2.7;proto=https"}, "-"},
  };
  for (const auto& row : rows) {
    std::vector<std::string_view> views(row.values.begin(), row.values.end());
    EXPECT_EQ(shown(client_behind(views, HopHeader::forwarded, kTrusted).scheme), row.scheme)
        << ::testing::PrintToString(row.values);
  }
}

TEST(XForwardedProto, TheLastWordCounts) {
  struct Row {
    std::vector<std::string_view> values;
    std::string_view scheme;
  };
  const Row rows[] = {
      {{}, "-"},
      {{""}, "-"},
      {{"https"}, "https"},
      {{" HTTPS\t"}, "https"},
      {{"http"}, "http"},
      {{"http, https"}, "https"},
      {{"https,http"}, "http"},
      {{"http", "https"}, "https"},
      {{"https", ""}, "-"},
      {{"https,"}, "-"},
      {{"https://"}, "-"},
      {{"httpsx"}, "-"},
      {{"on"}, "-"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(shown(forwarded_scheme(row.values)), row.scheme)
        << ::testing::PrintToString(row.values);
}

}  // namespace
}  // namespace ncps::http
