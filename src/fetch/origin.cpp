#include "fetch/origin.h"

#include <algorithm>

namespace ncps::fetch {

std::string origin_of(std::string_view url) {
  auto scheme = url.find("://");
  auto host = scheme == url.npos ? 0 : scheme + 3;
  auto authority = url.substr(host);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (auto at = authority.rfind('@'); at != authority.npos) authority.remove_prefix(at + 1);
  std::string origin(url.substr(0, host));
  origin += authority;
  std::ranges::transform(origin, origin.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return origin;
}

std::string_view host_of(std::string_view origin) {
  auto scheme = origin.find("://");
  if (scheme != origin.npos) origin.remove_prefix(scheme + 3);
  auto port = origin.starts_with('[') ? origin.find(']') + 1 : origin.find(':');
  return origin.substr(0, port);
}

}  // namespace ncps::fetch
