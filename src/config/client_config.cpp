#include "config/client_config.h"

#include <fmt/format.h>

#include "nix/client_lines.h"

namespace ncps::config {

Result<std::string> client_url(std::string_view given, const ServeOptions& options) {
  if (given.empty()) {
    if (options.hostname.empty() || options.listen.is_unix())
      return fail(ErrorKind::invalid,
                  "say by which URL clients reach the cache: ncps client-config http://HOST:PORT");
    return fmt::format("{}://{}:{}", options.tls ? "https" : "http", options.hostname,
                       options.listen.port);
  }
  while (given.ends_with('/')) given.remove_suffix(1);
  if (!nix::is_cache_url(given))
    return fail(ErrorKind::invalid,
                "the URL has to be http://HOST:PORT or https://HOST, without user and password");
  return std::string(given);
}

std::string print(const ClientConfig& config) {
  auto text = "# NixOS, nix-darwin: configuration.nix\n" +
              nix::nixos_lines(config.url, config.keys) +
              "\n# Elsewhere: /etc/nix/nix.conf, then restart nix-daemon\n" +
              nix::nix_conf_lines(config.url, config.keys);
  if (config.asks_for_tokens)
    text +=
        "\n# This cache asks for a token: /etc/nix/netrc, readable for root alone, with a token "
        "instead of TOKEN\n" +
        nix::netrc_line(config.url);
  return text;
}

}  // namespace ncps::config
