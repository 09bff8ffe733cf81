#include "lock/redis/reply.h"

#include <algorithm>

namespace ncps::redis {

bool Reply::is_error(std::string_view code) const noexcept {
  std::string_view said = text;
  return is_error() && said.substr(0, said.find(' ')) == code;
}

const Reply& Reply::at(std::size_t index) const noexcept {
  static const Reply none;
  return index < items.size() ? items[index] : none;
}

std::string printable(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string out;
  for (char c : text.substr(0, kMost)) out.push_back(c >= ' ' && c <= '~' ? c : '?');
  if (text.size() > kMost) out += "...";
  return out;
}

std::string without_secret(std::string text, std::string_view secret) {
  constexpr std::size_t kTelling = 4;  // bytes of a beginning
  constexpr std::string_view kInstead = "***";
  auto least = std::min(secret.size(), kTelling);
  if (secret.empty()) return text;
  auto first = secret.substr(0, least);
  for (auto at = text.find(first); at != text.npos; at = text.find(first, at + kInstead.size())) {
    std::size_t size = least;
    while (size < secret.size() && at + size < text.size() && text[at + size] == secret[size])
      ++size;
    text.replace(at, size, kInstead);
  }
  return text;
}

std::string_view to_string(Reply::Type type) noexcept {
  switch (type) {
    case Reply::Type::nil: return "nil";
    case Reply::Type::status: return "status";
    case Reply::Type::error: return "error";
    case Reply::Type::integer: return "integer";
    case Reply::Type::text: return "text";
    case Reply::Type::array: return "array";
  }
  return "?";
}

}  // namespace ncps::redis
