#include "fetch/curl/curl_environment.h"

#include <cstdlib>

namespace ncps::fetch {
namespace {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace

CurlEnvironment read_curl_environment() {
  CurlEnvironment out;
  out.cert_file = variable("NIX_SSL_CERT_FILE");
  if (!out.cert_file) out.cert_file = variable("SSL_CERT_FILE");
  out.cert_dir = variable("SSL_CERT_DIR");
  for (auto name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    if (auto value = variable(name)) out.proxies.push_back(std::move(*value));
  }
  return out;
}

std::string without_proxies(std::string text, const CurlEnvironment& environment) {
  constexpr std::string_view kInstead = "(the proxy of the environment)";
  for (const auto& proxy : environment.proxies) {
    for (auto at = text.find(proxy); at != text.npos; at = text.find(proxy, at + kInstead.size()))
      text.replace(at, proxy.size(), kInstead);
  }
  return text;
}

}  // namespace ncps::fetch
