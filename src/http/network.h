// Addresses of clients, and networks of them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7", or "unix"
// for whoever comes by our Unix socket. Pure.
//
// Source: RFC 4291 sections 2.2, 2.5.5.2; RFC 4632 section 3.1.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::http {

// IPv4 or IPv6. An IPv4 address that is written as IPv6 (::ffff:192.0.2.7) is the IPv4 one.
class IpAddress {
 public:
  // Without port, brackets or zone. nullopt: it is none.
  static std::optional<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::span<const std::uint8_t, 4> bytes);
  static IpAddress v6(std::span<const std::uint8_t, 16> bytes);

  bool is_v4() const noexcept;
  bool is_loopback() const noexcept;  // 127.0.0.0/8, ::1
  // As IPv6 has them; of an IPv4 address the last four count.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  std::string str() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

struct Network {
  std::optional<IpAddress> first;  // absent: the Unix socket
  unsigned bits = 0;               // that count, of 128

  bool contains(const std::optional<IpAddress>& address) const noexcept;
};

// Errors: invalid, with what would be right: no network, or bits set behind its prefix.
Result<Network> parse_network(std::string_view text);

// `address` absent: a client of the Unix socket.
bool contains(std::span<const Network> networks, const std::optional<IpAddress>& address) noexcept;

}  // namespace ncps::http
