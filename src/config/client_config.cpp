#include "config/client_config.h"

#include <fmt/format.h>

#include <algorithm>

namespace ncps::config {
namespace {

constexpr std::string_view kNixos = R"(# NixOS, nix-darwin: configuration.nix
nix.settings.substituters = [ "{url}" ];
nix.settings.trusted-public-keys = [ {quoted} ];

# Elsewhere: /etc/nix/nix.conf, then restart nix-daemon
extra-substituters = {url}
extra-trusted-public-keys = {plain}
)";

constexpr std::string_view kNetrc = R"(
# This cache asks for a token: /etc/nix/netrc, readable for root alone, with a token instead of TOKEN
machine {host} login anybody password TOKEN
)";

// The host of a URL that client_url has made, as a netrc has it: without port and brackets.
std::string_view host_of(std::string_view url) {
  auto host = url.substr(url.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?"));
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

}  // namespace

Result<std::string> client_url(std::string_view given, const ServeOptions& options) {
  if (given.empty()) {
    if (options.hostname.empty() || options.listen.is_unix())
      return fail(ErrorKind::invalid,
                  "say by which URL clients reach the cache: ncps client-config http://HOST:PORT");
    return fmt::format("{}://{}:{}", options.tls ? "https" : "http", options.hostname,
                       options.listen.port);
  }
  while (given.ends_with('/')) given.remove_suffix(1);
  bool known = given.starts_with("http://") || given.starts_with("https://");
  auto odd = [](char c) {
    return c <= ' ' || c == '"' || c == '\\' || c == '$' || c == '@' || c > '~';
  };
  if (!known || host_of(given).empty() || std::ranges::any_of(given, odd))
    return fail(ErrorKind::invalid,
                "the URL has to be http://HOST:PORT or https://HOST, without user and password");
  return std::string(given);
}

std::string print(const ClientConfig& config) {
  using fmt::arg;
  auto quoted = fmt::format("\"{}\"", fmt::join(config.keys, "\" \""));
  auto text = fmt::format(kNixos, arg("url", config.url), arg("quoted", quoted),
                          arg("plain", fmt::join(config.keys, " ")));
  if (config.asks_for_tokens) text += fmt::format(kNetrc, arg("host", host_of(config.url)));
  return text;
}

}  // namespace ncps::config
