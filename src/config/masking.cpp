#include "config/masking.h"

#include <algorithm>

#include "nix/signature.h"

namespace ncps::config {
namespace {

constexpr std::string_view kMask = "********";

// Careful rather than exact: a password may hold what it should not ('/', '?', '#', '@'), so that
// everything up to the last '@' may be one, and everything after '?' or '#' as well.
std::string masked_url(std::string_view url) {
  auto scheme = url.find("://");
  auto start = scheme == url.npos ? 0 : scheme + 3;
  auto rest = url.substr(start);
  if (auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  rest = rest.substr(0, rest.find_first_of("?#"));
  return std::string(url.substr(0, start)).append(rest);
}

bool may_be_url(const OptionSpec& option, std::string_view value) {
  if (value.contains("://")) return true;
  auto at = value.find('@');
  bool within = at != value.npos && at > 0 && value[at - 1] != ' ';  // not "@daily"
  return within && option.kind != Kind::path;
}

std::string without_secrets(const OptionSpec& option, const std::string& value) {
  if (nix::SecretKey::parse(value)) return value.substr(0, value.find(':') + 1).append(kMask);
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
