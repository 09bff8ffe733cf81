// Tokens: who knows one, or has a certificate of that name, is known by its name, and may do what it
// says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "access/right.h"
#include "base/result.h"
#include "crypto/sha256.h"

namespace ncps::access {

struct Token {
  std::string name;             // for the log: never a secret
  crypto::Sha256Digest digest;  // of the token: the token itself is kept nowhere
  Rights rights;
  std::string certificate = {};  // a name in the client's certificate, instead of the digest

  static Token of(std::string name, std::string_view secret, Rights rights) {
    return {std::move(name), crypto::sha256(secret), rights};
  }
};

inline constexpr std::size_t kMaxTokens = 1000;  // in one file

// One token a line, "<name> <right>[,<right>...] sha256:<64 hex digits>", or for a certificate with a
// name in it "<name> <right>[,<right>...] cert:<name in it>"; '#' begins a comment.
// Errors: invalid: names the line and what is wrong with it, but repeats nothing of its third part,
// which may be a token by mistake; two tokens of one name, or none at all; more than kMaxTokens.
Result<std::vector<Token>> parse_token_file(std::string_view text);

// The line for `token` in such a file.
std::string token_line(const Token& token);

}  // namespace ncps::access
