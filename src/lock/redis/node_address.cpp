#include "lock/redis/node_address.h"

#include <algorithm>
#include <charconv>

namespace ncps::redis {
namespace {

constexpr std::uint16_t kUsualPort = 6379;

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(ErrorKind::invalid, "has a port that is no number from 1 to 65535");
  return port;
}

bool in_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool in_ipv6(char c) {
  return in_host(c) || c == ':' || c == '%';
}

}  // namespace

std::string NodeAddress::str() const {
  bool ipv6 = host.find(':') != host.npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<NodeAddress> parse_node_address(std::string_view text) {
  if (text.find("://") != text.npos)
    return fail(ErrorKind::invalid,
                "is a URL; write host:port alone, and user, password, database and TLS with their "
                "own options");
  NodeAddress out{.port = kUsualPort};
  std::string_view port;
  if (text.starts_with('[')) {
    auto end = text.find(']');
    auto rest = end == text.npos ? std::string_view("-") : text.substr(end + 1);
    out.host = text.substr(1, std::min(end, text.size()) - 1);
    if (!std::ranges::all_of(out.host, in_ipv6) || out.host.find(':') == out.host.npos ||
        (!rest.empty() && rest[0] != ':'))
      return fail(ErrorKind::invalid, "is no address; write one such as [fd00::1]:6379");
    if (rest.empty()) return out;
    port = rest.substr(1);
  } else {
    auto colon = text.find(':');
    out.host = text.substr(0, colon);
    if (out.host.empty() || !std::ranges::all_of(out.host, in_host))
      return fail(ErrorKind::invalid, "is no address; write host:port");
    if (colon == text.npos) return out;
    port = text.substr(colon + 1);
    if (port.find(':') != port.npos)
      return fail(ErrorKind::invalid, "is no address; write an IPv6 one as [fd00::1]:6379");
  }
  TRY(out.port, parse_port(port));
  return out;
}

}  // namespace ncps::redis
