#include "fetch/elsewhere.h"

#include <gtest/gtest.h>

namespace ncps::fetch {
namespace {

TEST(AddressClass, TellsApartWhatIsOfTheInternetAndWhatIsNot) {
  struct Row {
    std::string_view address;
    AddressClass wanted;
  };
  constexpr auto kOpen = AddressClass::open, kInner = AddressClass::inner,
                 kLink = AddressClass::link, kHere = AddressClass::this_machine;
  constexpr Row kRows[] = {
      {"8.8.8.8", kOpen},
      {"9.255.255.255", kOpen},
      {"11.0.0.0", kOpen},
      {"172.15.255.255", kOpen},
      {"172.32.0.0", kOpen},
      {"192.167.255.255", kOpen},
      {"100.63.255.255", kOpen},
      {"100.128.0.0", kOpen},
      {"223.255.255.255", kOpen},
      {"10.0.0.0", kInner},
      {"10.255.255.255", kInner},
      {"172.16.0.0", kInner},
      {"172.31.255.255", kInner},
      {"192.168.0.1", kInner},
      {"100.64.0.0", kInner},
      {"100.100.100.200", kInner},
      {"198.19.255.255", kInner},
      {"169.254.169.254", kLink},
      {"224.0.0.1", kLink},
      {"255.255.255.255", kLink},
      {"127.0.0.1", kHere},
      {"127.255.255.255", kHere},
      {"0.0.0.0", kHere},
      {"0.1.2.3", kHere},
      {"2606:4700::1", kOpen},
      {"2001:db8::1", kOpen},
      {"::1", kHere},
      {"::", kHere},
      {"::ffff:10.0.0.1", kInner},
      {"::ffff:127.0.0.1", kHere},
      {"::ffff:8.8.8.8", kOpen},
      {"::169.254.169.254", kLink},
      {"64:ff9b::a00:1", kInner},
      {"64:ff9b::808:808", kOpen},
      {"64:ff9b:1::808", kInner},
      {"2002:a00:1::", kInner},
      {"2002:808:808::", kOpen},
      {"fc00::1", kInner},
      {"fd00:ec2::254", kInner},
      {"fe80::1%eth0", kLink},
      {"fec0::1", kInner},
      {"ff02::1", kLink},
      {"", kHere},
      {"no address", kHere},
  };
  for (const auto& row : kRows) EXPECT_EQ(address_class(row.address), row.wanted) << row.address;
}

TEST(AddressClass, OfAHostWithoutAddressIsOpenButLocalhost) {
  EXPECT_EQ(host_class("cache.example"), AddressClass::open);
  EXPECT_EQ(host_class("[fd00::1]"), AddressClass::inner);
  EXPECT_EQ(host_class("10.0.0.1"), AddressClass::inner);
  EXPECT_EQ(host_class("LocalHost."), AddressClass::this_machine);
  EXPECT_EQ(host_class("a.localhost"), AddressClass::this_machine);
  EXPECT_EQ(host_class("notlocalhost"), AddressClass::open);
  EXPECT_EQ(address_class(std::string_view("8.8.8.8\0", 8)), AddressClass::this_machine);
}

TEST(MayLead, OutwardAndToItsOwnKindButNeverFurtherIn) {
  using enum AddressClass;
  for (auto from : {open, inner, link, this_machine}) {
    for (auto to : {open, inner, link, this_machine}) {
      bool good = to == open || to == from || (to == inner && from != open);
      EXPECT_EQ(may_lead(Elsewhere::outward, from, to), good);
      EXPECT_TRUE(may_lead(Elsewhere::any, from, to));
      EXPECT_FALSE(may_lead(Elsewhere::same_host, from, to));
    }
  }
  EXPECT_TRUE(may_lead(Elsewhere::outward, std::nullopt, open));
  EXPECT_FALSE(may_lead(Elsewhere::outward, std::nullopt, inner));
}

}  // namespace
}  // namespace ncps::fetch
