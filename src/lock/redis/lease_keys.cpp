#include "lock/redis/lease_keys.h"

namespace ncps::redis {
namespace {

bool stays(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._:/+=@!~").find(c) != std::string_view::npos;
}

std::string written(std::string_view name) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (name.empty()) return "%";  // nothing between the braces would be no tag
  std::string out;
  for (char c : name) {
    if (stays(c)) {
      out.push_back(c);
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 0xf]);
  }
  return out;
}

}  // namespace

LeaseKeys lease_keys(std::string_view prefix, std::string_view name) {
  auto lease = std::string(prefix) + "{" + written(name) + "}";
  return {.lease = lease, .fence = lease + ":fence"};
}

std::string given_back_channel(std::string_view prefix) {
  return std::string(prefix) + "given-back";
}

bool is_usable_prefix(std::string_view prefix) {
  // The first '{' with something between it and the next '}' decides the slot; "{}" means the whole key.
  auto open = prefix.find('{');
  return open == prefix.npos || prefix.find('}', open) != open + 1;
}

}  // namespace ncps::redis
