#include "server/reader_token.h"

#include <algorithm>

#include "crypto/encoding.h"

namespace ncps::server {
namespace {

// What follows the name of a scheme, in any case; empty if it is another one.
std::string_view credentials(std::string_view authorization, std::string_view scheme) {
  auto space = authorization.find(' ');
  if (space == authorization.npos) return {};
  auto same_letter = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  if (!std::ranges::equal(authorization.substr(0, space), scheme, same_letter)) return {};
  auto rest = authorization.substr(space);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

}  // namespace

bool ReaderToken::same(std::string_view candidate) const {
  // Hashes have one length, so that the comparison takes the same time for every candidate.
  auto digest = crypto::sha256(candidate);
  unsigned difference = 0;
  for (std::size_t i = 0; i < digest.size(); ++i) difference |= digest[i] ^ digest_[i];
  return difference == 0;
}

bool ReaderToken::admits(std::string_view authorization) const {
  if (auto token = credentials(authorization, "bearer"); !token.empty()) return same(token);
  auto basic = crypto::from_base64(credentials(authorization, "basic"));
  if (!basic) return false;
  std::string_view pair(reinterpret_cast<const char*>(basic->data()), basic->size());
  auto colon = pair.find(':');
  return colon != pair.npos && same(pair.substr(colon + 1));
}

http::Response unauthorized() {
  auto response =
      http::text_response(401, "this cache wants a token: as Bearer, or as the password in netrc");
  response.headers.push_back({"WWW-Authenticate", "Bearer"});
  response.headers.push_back({"WWW-Authenticate", "Basic realm=\"ncps\", charset=\"UTF-8\""});
  return response;
}

}  // namespace ncps::server
