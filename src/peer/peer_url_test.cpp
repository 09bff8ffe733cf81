#include "peer/peer_url.h"

#include <gtest/gtest.h>

namespace ncps::peer {
namespace {

TEST(PeerUrl, TakesOnlyWhatLeadsToAnInstance) {
  for (auto good : {"http://a:1", "http://10.0.0.1:8501", "https://cache-2.example.org",
                    "http://[::1]:8501", "https://[2001:db8::1]", "http://node_1.local:65535"})
    EXPECT_EQ(parse_peer_url(good).value(), good);
  EXPECT_EQ(parse_peer_url("http://a:1/").value(), "http://a:1");
}

TEST(PeerUrl, RefusesEverythingElse) {
  for (std::string bad : {"",
                          "/",
                          "a:1",
                          "ftp://a:1",
                          "file:///etc/passwd",
                          "HTTP://a:1",
                          "http://",
                          "http://:1",
                          "http://a:0",
                          "http://a:65536",
                          "http://a:99999999999999999999",
                          "http://a:",
                          "http://a:1x",
                          "http://a:1/nar",
                          "http://a:1//",
                          "http://a:1?x",
                          "http://a:1#x",
                          "http://u@a:1",
                          "http://u:p@a:1",
                          "http://a b:1",
                          "http://a\r\nX: y:1",
                          "http://[::1",
                          "http://[]:1",
                          "http://[1.2.3.4]:1",
                          "http://[::1]x:1",
                          "http://a\\b:1",
                          "http://a%2e:1",
                          "http://a:1 http://b:1",
                          "http://\xc3\xa4:1"})
    EXPECT_FALSE(parse_peer_url(bad)) << bad;
  EXPECT_FALSE(parse_peer_url(std::string("http://a\0b:1", 12)));
  EXPECT_FALSE(parse_peer_url("http://" + std::string(250, 'a')));
  EXPECT_FALSE(
      parse_peer_url(std::string("http://[::1\0@evil]:1", 20)));  // an address up to the NUL
}

TEST(PeerUrl, AnInstanceIsReachedWhereItListens) {
  EXPECT_EQ(own_url("10.0.0.1", 8501, "10.9.9.9", "name"), "http://10.0.0.1:8501");
  EXPECT_EQ(own_url("cache-1", 8501, "", ""), "http://cache-1:8501");
  EXPECT_EQ(own_url("::1", 80, "", ""), "http://[::1]:80");
  for (auto every : {"", "0.0.0.0", "::"}) {
    EXPECT_EQ(own_url(every, 80, "10.0.0.7", "name"), "http://10.0.0.7:80");
    EXPECT_EQ(own_url(every, 80, "fd00::7", "name"), "http://[fd00::7]:80");
    EXPECT_EQ(own_url(every, 80, "", "name"), "http://name:80");
    EXPECT_EQ(own_url(every, 80, "", ""), std::nullopt);
    EXPECT_EQ(own_url(every, 80, "", "odd name"), std::nullopt);
  }
}

TEST(PeerUrl, TheWayToThisMachineIsItsOwnAddress) {
  EXPECT_EQ(address_towards("127.0.0.1", "6379"), "127.0.0.1");
  EXPECT_EQ(address_towards("no name", "6379"), std::nullopt);
}

}  // namespace
}  // namespace ncps::peer
