#include "config/masking.h"

#include <algorithm>

namespace ncps::config {
namespace {

constexpr std::string_view kMask = "********";

// name:base64 of 64 bytes, with or without "==": the shape is enough, also of a key that is damaged.
bool looks_like_secret_key(std::string_view value) {
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
  auto rest = value.substr(std::min(value.size(), value.find(':') + 1));
  return (rest.size() == 86 || rest.size() == 88) && rest.find_first_not_of(kBase64) == rest.npos;
}

// Careful rather than exact: a password may hold what it should not ('/', '?', '#', '@', ','), so that
// everything up to the last '@' may be one, everything after '?' or '#', and a "port" that is no number.
std::string masked_url(std::string_view url) {
  auto scheme = url.find("://");
  auto start = scheme == url.npos ? 0 : scheme + 3;
  auto rest = url.substr(start);
  if (auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  rest = rest.substr(0, rest.find_first_of("?#"));
  std::string out(url.substr(0, start));
  auto authority = rest.substr(0, rest.find('/'));
  auto port = authority.rfind(':');
  bool bracketed = authority.starts_with('[') && authority.ends_with(']');  // an IPv6 address
  if (port == authority.npos || bracketed ||
      authority.find_first_not_of("0123456789", port + 1) == authority.npos)
    return out.append(rest);
  return out.append(authority.substr(0, port + 1)).append(kMask);
}

bool may_be_url(const OptionSpec& option, std::string_view value) {
  if (value.contains("://")) return true;
  auto at = value.find('@');
  bool within = at != value.npos && at > 0 && value[at - 1] != ' ';  // not "@daily"
  return within && option.kind != Kind::path;
}

std::string without_secrets(const OptionSpec& option, const std::string& value) {
  if (looks_like_secret_key(value)) return value.substr(0, value.find(':') + 1).append(kMask);
  if (option.flag == "--cache-database-url" && value.contains("://")) return masked_url(value);
  if (option.flag == "--cache-database-url" && value.starts_with("sqlite"))
    return value.substr(0, value.find('?'));
  if (option.secret == Secret::yes) return std::string(kMask);
  return may_be_url(option, value) ? masked_url(value) : value;
}

}  // namespace

std::string masked(const OptionSpec& option, const std::string& value) {
  auto out = without_secrets(option, value);
  // A mistake is one line.
  std::ranges::replace_if(out, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return out;
}

}  // namespace ncps::config
