// What people paste so that their Nix asks this cache: for NixOS, for nix.conf, for the netrc. Pure.
//
// Source: nix.conf(5), substituters, trusted-public-keys, netrc-file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ncps::nix {

// http:// or https://, a host, and nothing that would need quoting in Nix code or nix.conf; no user,
// no password.
bool is_cache_url(std::string_view url);

// As a netrc has it: without port and brackets. REQUIRES: is_cache_url(url).
std::string_view netrc_host(std::string_view url);

// Each line ends in '\n'. `keys`: public ones, name:base64. REQUIRES: is_cache_url(url).
std::string nixos_lines(std::string_view url, const std::vector<std::string>& keys);
std::string nix_conf_lines(std::string_view url, const std::vector<std::string>& keys);
std::string netrc_line(std::string_view url);  // with TOKEN where the token goes

}  // namespace ncps::nix
