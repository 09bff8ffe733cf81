#include "http/address_limit.h"

#include <algorithm>

namespace ncps::http {
namespace {

IpAddress key_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  auto bytes = address.bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return IpAddress::v6(bytes);
}

}  // namespace

std::optional<AddressLimit::Place> AddressLimit::take(const IpAddress& address) {
  if (most_ == 0) return Place(nullptr, address);
  auto key = key_of(address);
  bool taken = counts_.with([&](auto& counts) {
    auto& count = counts[key];
    if (count >= most_) return false;
    ++count;
    return true;
  });
  return taken ? std::optional<Place>(std::in_place, this, key) : std::nullopt;
}

void AddressLimit::give_back(const IpAddress& key) {
  counts_.with([&](auto& counts) {
    auto it = counts.find(key);
    if (it != counts.end() && --it->second == 0) counts.erase(it);
  });
}

}  // namespace ncps::http
