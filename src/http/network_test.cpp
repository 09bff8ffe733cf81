#include "http/network.h"

#include <gtest/gtest.h>

namespace ncps::http {
namespace {

std::optional<IpAddress> ip(std::string_view text) {
  return IpAddress::parse(text);
}

TEST(IpAddress, ReadsWhatIsOneAndWritesItInOneWay) {
  const std::pair<std::string, std::string> rows[] = {
      {"192.0.2.7", "192.0.2.7"},
      {"0.0.0.0", "0.0.0.0"},
      {"::1", "::1"},
      {"2001:DB8:0:0::7", "2001:db8::7"},
      {"::ffff:192.0.2.7", "192.0.2.7"},
      {"::ffff:c000:207", "192.0.2.7"},
  };
  for (const auto& [text, shown] : rows) {
    ASSERT_TRUE(ip(text)) << text;
    EXPECT_EQ(ip(text)->str(), shown);
    EXPECT_EQ(ip(ip(text)->str()), ip(text)) << text;
  }
  EXPECT_TRUE(ip("::ffff:192.0.2.7")->is_v4());
  EXPECT_FALSE(ip("::1")->is_v4());
}

TEST(IpAddress, RefusesEverythingElse) {
  using std::string_literals::operator""s;
  for (const auto& text :
       {""s, " "s, "1.2.3"s, "1.2.3.4.5"s, "1.2.3.256"s, "01.2.3.4"s, "1.2.3.4 "s, "1.2.3.4:5"s,
        "[::1]"s, "::1%eth0"s, "1.2.3.4\0"s, "0x1.2.3.4"s, ":::"s, "1::2::3"s, "localhost"s,
        "unix"s, std::string(500, '1')})
    EXPECT_FALSE(ip(text)) << text;
}

TEST(IpAddress, KnowsLoopback) {
  for (std::string_view text : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.2"})
    EXPECT_TRUE(ip(text)->is_loopback()) << text;
  for (std::string_view text :
       {"128.0.0.1", "126.255.255.255", "0.0.0.0", "::", "::2", "1::1", "::127.0.0.1", "7f00::1"})
    EXPECT_FALSE(ip(text)->is_loopback()) << text;
}

TEST(Network, ContainsWhatBeginsAlike) {
  struct Row {
    std::string network, address;
    bool inside;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"192.0.2.0/31", "192.0.2.1", true},
      {"192.0.2.0/31", "192.0.2.2", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "192.0.2.7", false},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
  };
  for (const auto& row : rows) {
    auto network = parse_network(row.network);
    ASSERT_TRUE(network) << row.network;
    EXPECT_EQ(network->contains(ip(row.address)), row.inside) << row.network << " " << row.address;
    EXPECT_FALSE(network->contains(std::nullopt)) << row.network;
  }
  EXPECT_TRUE(parse_network("unix")->contains(std::nullopt));
  EXPECT_FALSE(parse_network("unix")->contains(ip("127.0.0.1")));
}

TEST(Network, OneOfSeveralIsEnough) {
  const Network list[] = {*parse_network("10.0.0.0/8"), *parse_network("unix")};
  EXPECT_TRUE(contains(list, ip("10.1.1.1")));
  EXPECT_TRUE(contains(list, std::nullopt));
  EXPECT_FALSE(contains(list, ip("::1")));
  EXPECT_FALSE(contains({}, ip("::1")));
  EXPECT_FALSE(contains({}, std::nullopt));
}

TEST(Network, SaysWhatWouldBeRight) {
  for (std::string text : {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08",
                           "10.0.0.0/8x", "10.0.0.1/8", "2001:db8::1/32", "::/129", "example.org",
                           "/8", "unix/8", "Unix", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0"}) {
    auto network = parse_network(text);
    ASSERT_FALSE(network) << text;
    EXPECT_NE(network.error().what().find("10.0.0.0/8"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace ncps::http
