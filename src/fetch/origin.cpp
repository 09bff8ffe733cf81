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

}  // namespace ncps::fetch
