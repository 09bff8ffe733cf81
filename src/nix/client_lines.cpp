#include "nix/client_lines.h"

#include <fmt/format.h>

#include <algorithm>

namespace ncps::nix {

bool is_cache_url(std::string_view url) {
  bool known = url.starts_with("http://") || url.starts_with("https://");
  auto odd = [](char c) {
    return c <= ' ' || c == '"' || c == '\\' || c == '$' || c == '@' || c > '~';
  };
  return known && !netrc_host(url).empty() && !std::ranges::any_of(url, odd);
}

std::string_view netrc_host(std::string_view url) {
  auto host = url.substr(url.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?"));
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

std::string nixos_lines(std::string_view url, const std::vector<std::string>& keys) {
  return fmt::format(
      "nix.settings.substituters = [ \"{}\" ];\n"
      "nix.settings.trusted-public-keys = [ \"{}\" ];\n",
      url, fmt::join(keys, "\" \""));
}

std::string nix_conf_lines(std::string_view url, const std::vector<std::string>& keys) {
  return fmt::format(
      "extra-substituters = {}\n"
      "extra-trusted-public-keys = {}\n",
      url, fmt::join(keys, " "));
}

std::string netrc_line(std::string_view url) {
  return fmt::format("machine {} login anybody password TOKEN\n", netrc_host(url));
}

}  // namespace ncps::nix
