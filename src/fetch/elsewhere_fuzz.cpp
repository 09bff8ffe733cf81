#include "fetch/elsewhere.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <string>

#include "fuzzing/fuzz_target.h"

namespace ncps::fetch {
namespace {

std::string printed(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN];
  CHECK(::inet_ntop(family, bytes, text, sizeof text) != nullptr);
  return text;
}

// An address of IPv4 is what it is in whatever it is wrapped.
void check_v4(const std::array<std::uint8_t, 4>& v4) {
  auto what = address_class(printed(AF_INET, v4.data()));
  in_addr_t number = 0;
  std::ranges::copy(v4, reinterpret_cast<std::uint8_t*>(&number));
  auto host = ntohl(number);
  if (IN_MULTICAST(host) || IN_BADCLASS(host) || host >> 24 == IN_LOOPBACKNET || host == 0)
    CHECK(what != AddressClass::open);
  for (std::string_view prefix :
       {std::string_view("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12),
        std::string_view("\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12), std::string_view("\x20\x02", 2)}) {
    in6_addr wrapped{};
    std::ranges::copy(prefix, wrapped.s6_addr);
    std::ranges::copy(v4, wrapped.s6_addr + prefix.size());
    auto text = printed(AF_INET6, &wrapped);
    CHECK(address_class(text) == what && host_class("[" + text + "]") == what);
  }
}

void check_v6(const in6_addr& v6) {
  auto text = printed(AF_INET6, &v6);
  auto what = address_class(text);
  CHECK(address_class(text + "%eth0") == what && host_class("[" + text + "]") == what);
  if (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
      IN6_IS_ADDR_SITELOCAL(&v6) || IN6_IS_ADDR_MULTICAST(&v6) || (v6.s6_addr[0] & 0xfe) == 0xfc)
    CHECK(what != AddressClass::open);
}

}  // namespace

FUZZ_TARGET(elsewhere) {
  std::array<std::uint8_t, 4> v4{};
  std::ranges::copy(input.substr(0, v4.size()), v4.begin());
  check_v4(v4);
  in6_addr v6{};
  std::ranges::copy(input.substr(0, sizeof v6), v6.s6_addr);
  check_v6(v6);

  // As the host of a URL: what is an address is one, whatever its case; what is none is no way in.
  std::string host(input), upper(input);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  auto what = host_class(host);
  CHECK(host_class(upper) == what);
  if (!host.contains('%')) CHECK(host_class(host + ".localhost") == AddressClass::this_machine);
  std::array<std::uint8_t, 16> bytes{};
  bool is_address =
      !host.contains('\0') && (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
                               ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1);
  if (is_address) CHECK(address_class(host) == what);
  if (!is_address && !host.contains('%')) CHECK(address_class(host) == AddressClass::this_machine);
  // An upstream of the internet leads nowhere but to the internet, unless it may lead anywhere.
  CHECK(may_lead(Elsewhere::outward, AddressClass::open, what) == (what == AddressClass::open));
  CHECK(may_lead(Elsewhere::outward, std::nullopt, what) == (what == AddressClass::open));
  CHECK(!may_lead(Elsewhere::same_host, what, what) && may_lead(Elsewhere::any, what, what));
}

}  // namespace ncps::fetch
