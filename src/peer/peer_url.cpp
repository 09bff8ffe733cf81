#include "peer/peer_url.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "base/unique_fd.h"

namespace ncps::peer {
namespace {

constexpr std::size_t kLongest = 255;

std::unexpected<Error> wrong() {
  return fail(ErrorKind::invalid,
              "is no address of an instance; write http://host:port or https://host:port");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port > 0 && port < 65'536;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool is_ipv6(std::string_view text) {
  if (text.contains('\0')) return false;  // would end it for inet_pton
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_every(std::string_view host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

}  // namespace

Result<std::string> parse_peer_url(std::string_view text) {
  if (text.size() > kLongest) return wrong();
  if (text.ends_with('/')) text.remove_suffix(1);
  auto rest = text;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return wrong();
  }
  std::string_view host, port;
  if (rest.starts_with('[')) {
    auto end = rest.find(']');
    if (end == rest.npos || !is_ipv6(rest.substr(1, end - 1))) return wrong();
    host = rest.substr(0, end + 1);
  } else {
    host = rest.substr(0, rest.find(':'));
    if (!is_name(host)) return wrong();
  }
  port = rest.substr(host.size());
  if (!port.empty() && (port.front() != ':' || !is_port(port.substr(1)))) return wrong();
  return std::string(text);
}

std::optional<std::string> own_url(std::string_view host, std::uint16_t port,
                                   std::string_view local, std::string_view name) {
  auto one = !is_every(host) ? host : !local.empty() ? local : name;
  auto bracketed = is_ipv6(one) ? "[" + std::string(one) + "]" : std::string(one);
  auto url = parse_peer_url("http://" + bracketed + ":" + std::to_string(port));
  return url ? std::optional(*url) : std::nullopt;
}

std::optional<std::string> address_towards(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return std::nullopt;
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  for (const auto* one = all.get(); one != nullptr; one = one->ai_next) {
    // A datagram socket that is "connected" only looks up the way.
    UniqueFd fd(::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0 || ::connect(fd.get(), one->ai_addr, one->ai_addrlen) != 0) continue;
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    auto* address = reinterpret_cast<sockaddr*>(&local);
    std::array<char, NI_MAXHOST> text{};
    if (::getsockname(fd.get(), address, &size) == 0 &&
        ::getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
      return std::string(text.data());
  }
  return std::nullopt;
}

}  // namespace ncps::peer
