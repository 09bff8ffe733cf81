// The token that readers must send, if one is configured.
//
// Source: RFC 9110 section 11; RFC 6750 (Bearer), RFC 7617 (Basic: netrc files, the password is the token and
// the user name does not matter).
#pragma once

#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "http/response.h"

namespace ncps::server {

// Keeps only a hash of the token; compares in constant time.
class ReaderToken {
 public:
  explicit ReaderToken(std::string_view token) : digest_(crypto::sha256(token)) {}

  // `authorization`: the header's value, or empty.
  bool admits(std::string_view authorization) const;

 private:
  bool same(std::string_view candidate) const;
  crypto::Sha256Digest digest_;
};

// 401 with both challenges.
http::Response unauthorized();

}  // namespace ncps::server
