#include "http/address_limit.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ncps::http {
namespace {

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(AddressLimit, EachAddressHasItsOwnAndGetsThemBack) {
  AddressLimit limit(2);
  auto one = limit.take(ip("192.0.2.7"));
  {
    auto two = limit.take(ip("::ffff:192.0.2.7"));
    EXPECT_TRUE(one && two);
    EXPECT_FALSE(limit.take(ip("192.0.2.7")));
    EXPECT_TRUE(limit.take(ip("192.0.2.8")));
  }
  EXPECT_TRUE(limit.take(ip("192.0.2.7")));
  one.reset();
  EXPECT_EQ(limit.addresses(), 0u);
}

TEST(AddressLimit, OfIPv6TheNetworkOfAClientCounts) {
  AddressLimit limit(1);
  auto one = limit.take(ip("2001:db8:0:1::1"));
  EXPECT_FALSE(limit.take(ip("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(limit.take(ip("2001:db8:0:2::1")));
}

TEST(AddressLimit, NoneAtAllCountsNothing) {
  AddressLimit limit(0);
  std::vector<AddressLimit::Place> places;
  for (int i = 0; i < 1000; ++i) places.push_back(*limit.take(ip("::1")));
  EXPECT_EQ(limit.addresses(), 0u);
}

TEST(AddressLimit, IsNeverExceededNorLeaksFromManyThreads) {
  AddressLimit limit(5);
  std::atomic<int> held = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 5000; ++i) {
          std::vector<AddressLimit::Place> mine;
          for (int k = 0; k < 3; ++k)
            if (auto place = limit.take(ip("192.0.2.7"))) {
              mine.push_back(std::move(*place));
              int now = ++held;
              for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
            }
          held -= static_cast<int>(mine.size());
        }
      });
  }
  EXPECT_LE(most, 5);
  EXPECT_GE(most, 1);
  EXPECT_EQ(limit.addresses(), 0u);
}

}  // namespace
}  // namespace ncps::http
