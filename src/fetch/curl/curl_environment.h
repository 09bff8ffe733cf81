// What the environment says to an HTTP client: whom to trust over TLS, and through which proxies.
//
// libcurl itself reads http_proxy, https_proxy, all_proxy and no_proxy, but none of the variables
// for certificates: those are OpenSSL's and Nix's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ncps::fetch {

struct CurlEnvironment {
  // NIX_SSL_CERT_FILE, else SSL_CERT_FILE: certificates to trust instead of the system's file.
  std::optional<std::string> cert_file;
  // SSL_CERT_DIR: instead of the system's folder, which is looked into also if there is a cert_file.
  std::optional<std::string> cert_dir;
  // The values of the variables for proxies: they may hold passwords.
  std::vector<std::string> proxies;
};

// Of this process, as it is now. An empty variable is as good as none.
CurlEnvironment read_curl_environment();

// `text` without the proxies, should it repeat one of them.
std::string without_proxies(std::string text, const CurlEnvironment& environment);

}  // namespace ncps::fetch
