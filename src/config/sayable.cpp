#include "config/sayable.h"

#include <algorithm>

#include "upstream/upstream_url.h"

namespace ncps::config {
namespace {

constexpr std::string_view kMask = "********";

// name:base64 of 64 bytes, with or without "==".
bool is_secret_key(std::string_view value) {
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  auto rest = value.substr(std::min(value.size(), value.find(':') + 1));
  return (rest.size() == 86 || rest.size() == 88) && rest.find_first_not_of(kBase64) == rest.npos;
}

// Nobody can tell where the password of a URL ends that is none: nothing before the last '@' is
// shown, and nothing after a ':' that is no port.
std::string masked(std::string_view value) {
  auto scheme = value.find("://");
  auto start = scheme == value.npos ? 0 : scheme + 3;
  std::string out(value.substr(0, start));
  auto rest = value.substr(start);
  auto at = rest.rfind('@');
  bool schedule = at == 0 || (at != rest.npos && rest[at - 1] == ' ');  // "@daily"
  if (at != rest.npos && !schedule) {
    out.append(kMask).push_back('@');
    rest.remove_prefix(at + 1);
  }
  rest = rest.substr(0, rest.find_first_of("?#"));
  auto port = rest.rfind(':');
  bool secret = scheme != value.npos && port != rest.npos &&
                rest.find_first_not_of("0123456789", port + 1) < rest.find('/', port);
  return out.append(secret ? rest.substr(0, port + 1) : rest).append(secret ? kMask : "");
}

}  // namespace

std::string sayable(std::string_view value) {
  std::string out;
  if (upstream::UpstreamUrl::parse(value)) {
    out = upstream::masked_url(value);
  } else if (is_secret_key(value)) {
    out = std::string(value.substr(0, value.find(':') + 1)).append(kMask);
  } else {
    out = masked(value);
  }
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return out;
}

}  // namespace ncps::config
