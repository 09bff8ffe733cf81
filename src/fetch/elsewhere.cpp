#include "fetch/elsewhere.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace ncps::fetch {
namespace {

struct V4Block {
  std::uint32_t first;
  unsigned bits;
  AddressClass what;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

constexpr V4Block kBlocks[] = {
    {v4(0, 0, 0, 0), 8, AddressClass::this_machine},
    {v4(127, 0, 0, 0), 8, AddressClass::this_machine},
    {v4(10, 0, 0, 0), 8, AddressClass::inner},
    {v4(100, 64, 0, 0), 10, AddressClass::inner},
    {v4(172, 16, 0, 0), 12, AddressClass::inner},
    {v4(192, 0, 0, 0), 24, AddressClass::inner},
    {v4(192, 168, 0, 0), 16, AddressClass::inner},
    {v4(198, 18, 0, 0), 15, AddressClass::inner},
    {v4(169, 254, 0, 0), 16, AddressClass::link},
    {v4(224, 0, 0, 0), 3, AddressClass::link},
};

AddressClass class_of_v4(std::uint32_t address) {
  for (const auto& block : kBlocks)
    if ((address ^ block.first) >> (32 - block.bits) == 0) return block.what;
  return AddressClass::open;
}

AddressClass class_of_v6(const std::array<std::uint8_t, 16>& a) {
  auto v4_at = [&](std::size_t at) {
    return class_of_v4(v4(a[at], a[at + 1], a[at + 2], a[at + 3]));
  };
  auto zero = [&](std::size_t from, std::size_t to) {
    return std::all_of(a.begin() + from, a.begin() + to, [](auto byte) { return byte == 0; });
  };
  if (zero(0, 15) && a[15] <= 1) return AddressClass::this_machine;     // :: and ::1
  if (zero(0, 12)) return v4_at(12);                                    // ::a.b.c.d
  if (zero(0, 10) && a[10] == 0xff && a[11] == 0xff) return v4_at(12);  // ::ffff:a.b.c.d
  bool nat64 = a[0] == 0 && a[1] == 0x64 && a[2] == 0xff && a[3] == 0x9b;
  if (nat64) return zero(4, 12) ? v4_at(12) : AddressClass::inner;  // 64:ff9b::/96, 64:ff9b:1::/48
  if (a[0] == 0x20 && a[1] == 0x02) return v4_at(2);                // 6to4
  if ((a[0] & 0xfe) == 0xfc) return AddressClass::inner;            // fc00::/7
  if (a[0] == 0xfe && (a[1] & 0xc0) == 0xc0) return AddressClass::inner;  // fec0::/10
  if (a[0] == 0xfe || a[0] == 0xff) return AddressClass::link;            // fe80::/10, multicast
  return AddressClass::open;
}

std::optional<AddressClass> parsed(std::string_view text) {
  std::string address(text.substr(0, text.find('%')));
  if (address.contains('\0')) return std::nullopt;  // would end it for inet_pton
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
    return class_of_v4(v4(bytes[0], bytes[1], bytes[2], bytes[3]));
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return class_of_v6(bytes);
  return std::nullopt;
}

}  // namespace

AddressClass address_class(std::string_view address) {
  return parsed(address).value_or(AddressClass::this_machine);
}

AddressClass host_class(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (auto known = parsed(host)) return *known;
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  bool local = name == "localhost" || name.ends_with(".localhost");
  return local ? AddressClass::this_machine : AddressClass::open;
}

bool may_lead(Elsewhere policy, std::optional<AddressClass> from, AddressClass to) {
  switch (policy) {
    case Elsewhere::any: return true;
    case Elsewhere::same_host: return false;
    case Elsewhere::outward: break;
  }
  auto home = from.value_or(AddressClass::open);
  return to == AddressClass::open || to == home ||
         (to == AddressClass::inner && home != AddressClass::open);
}

}  // namespace ncps::fetch
