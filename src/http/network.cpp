#include "http/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ncps::http {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kAllBits = 128;
constexpr unsigned kMappedBits = 96;

std::unexpected<Error> refuse(const std::string& why) {
  return fail(ErrorKind::invalid, "is no network: " + why +
                                      "; right would be \"10.0.0.0/8\", \"2001:db8::/32\", an "
                                      "address alone, or \"unix\"");
}

bool bit(const IpAddress& address, unsigned at) noexcept {
  return (address.bytes()[at / 8] >> (7 - at % 8) & 1U) != 0;
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
  unsigned bits = 0;
  auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  bool plain = !text.empty() && text[0] != '-' && (text.size() == 1 || text[0] != '0');
  if (error != std::errc() || stopped != text.data() + text.size() || !plain || bits > most)
    return std::nullopt;
  return bits;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy || text.contains('\0')) return std::nullopt;
  *std::ranges::copy(text, copy).out = '\0';
  std::array<std::uint8_t, 4> four;
  if (::inet_pton(AF_INET, copy, four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen;
  if (::inet_pton(AF_INET6, copy, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> bytes) {
  IpAddress address;
  std::ranges::copy(kMapped, address.bytes_.begin());
  std::ranges::copy(bytes, address.bytes_.begin() + kMapped.size());
  return address;
}

IpAddress IpAddress::v6(std::span<const std::uint8_t, 16> bytes) {
  IpAddress address;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

bool IpAddress::is_v4() const noexcept {
  return std::equal(kMapped.begin(), kMapped.end(), bytes_.begin());
}

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return bytes_[kMapped.size()] == 127;
  return std::ranges::all_of(bytes_.begin(), bytes_.end() - 1,
                             [](auto byte) { return byte == 0; }) &&
         bytes_.back() == 1;
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN];
  const auto* from = is_v4() ? bytes_.data() + kMapped.size() : bytes_.data();
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, from, text, sizeof text);
  return text;
}

bool Network::contains(const std::optional<IpAddress>& address) const noexcept {
  if (!first || !address) return !first && !address;
  if (first->is_v4() != address->is_v4()) return false;  // ::/0 is no IPv4
  for (unsigned at = 0; at < bits; ++at)
    if (bit(*first, at) != bit(*address, at)) return false;
  return true;
}

Result<Network> parse_network(std::string_view text) {
  if (text == "unix") return Network{};
  auto slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return refuse("it begins with no address");
  Network network{.first = address, .bits = kAllBits};
  if (slash == std::string_view::npos) return network;
  bool dotted = !text.substr(0, slash).contains(':');
  auto bits = parse_bits(text.substr(slash + 1), dotted ? kAllBits - kMappedBits : kAllBits);
  if (!bits)
    return refuse(dotted ? "its prefix is none of 0 to 32" : "its prefix is none of 0 to 128");
  network.bits = *bits + (dotted ? kMappedBits : 0);
  for (unsigned at = network.bits; at < kAllBits; ++at)
    if (bit(*address, at)) return refuse("the address has bits behind the prefix");
  return network;
}

bool contains(std::span<const Network> networks, const std::optional<IpAddress>& address) noexcept {
  return std::ranges::any_of(networks, [&](const auto& one) { return one.contains(address); });
}

}  // namespace ncps::http
