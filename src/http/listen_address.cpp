#include "http/listen_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace ncps::http {
namespace {

constexpr std::string_view kUnix = "unix:";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, digit)) return std::nullopt;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

bool is_host_name(std::string_view host) {
  auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
  };
  return std::ranges::all_of(host, fits);
}

bool is_ipv6(const std::string& host) {
  if (host.contains('\0')) return false;  // would end it for inet_pton
  in6_addr address{};
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::invalid,
              "is no address to listen on: " + std::string(why) +
                  "; right would be \":8501\", \"127.0.0.1:8501\", \"[::1]:8501\" or "
                  "\"unix:/run/ncps.sock\"");
}

static_assert(kMaxSocketPath + 1 == sizeof(sockaddr_un::sun_path));

Result<ListenAddress> parse_socket_path(std::string_view path) {
  if (!path.starts_with('/')) return refuse("the path of a Unix socket begins with '/'");
  if (path.contains('\0')) return refuse("the path has a zero byte");
  if (path.size() > kMaxSocketPath)
    return refuse("the path of a Unix socket has at most " + std::to_string(kMaxSocketPath) +
                  " bytes");
  return ListenAddress{.socket_path = std::string(path)};
}

}  // namespace

std::string ListenAddress::str() const {
  if (is_unix()) return std::string(kUnix) + socket_path;
  auto shown = host.contains(':') ? '[' + host + ']' : host;
  return shown + ':' + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix)) return parse_socket_path(text.substr(kUnix.size()));
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("the port is missing");
  auto port = parse_port(text.substr(colon + 1));
  if (!port) return refuse("the port is not a number from 0 to 65535");

  auto host = std::string(text.substr(0, colon));
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return refuse("the ']' is missing");
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return refuse("between the brackets is no IPv6 address");
  } else if (host.contains(':')) {
    return refuse("an IPv6 address needs brackets");
  } else if (!is_host_name(host)) {
    return refuse("the host has a character that no name has");
  }
  return ListenAddress{.host = std::move(host), .port = *port};
}

}  // namespace ncps::http
