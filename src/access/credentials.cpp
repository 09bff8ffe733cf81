#include "access/credentials.h"

#include <algorithm>
#include <cctype>

#include "crypto/encoding.h"

namespace ncps::access {
namespace {

// What follows the name of a scheme, in any case; empty if it is another one.
std::string_view after_scheme(std::string_view authorization, std::string_view scheme) {
  auto space = authorization.find(' ');
  if (space == authorization.npos) return {};
  auto same_letter = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  if (!std::ranges::equal(authorization.substr(0, space), scheme, same_letter)) return {};
  auto rest = authorization.substr(space);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

}  // namespace

std::optional<std::string> token_in(std::string_view authorization) {
  if (auto token = after_scheme(authorization, "bearer"); !token.empty()) return std::string(token);
  auto basic = crypto::from_base64(after_scheme(authorization, "basic"));
  if (!basic) return std::nullopt;
  std::string_view pair(reinterpret_cast<const char*>(basic->data()), basic->size());
  auto colon = pair.find(':');
  if (colon == pair.npos || colon + 1 == pair.size()) return std::nullopt;
  return std::string(pair.substr(colon + 1));
}

}  // namespace ncps::access
