#include "access/credentials.h"

#include "crypto/encoding.h"
#include "fuzzing/fuzz_target.h"

namespace ncps::access {

FUZZ_TARGET(credentials) {
  auto token = token_in(input);
  if (token) CHECK(!token->empty() && token->size() < input.size());
  // Whatever a token is, it comes out as it went in, whichever way it is sent.
  if (input.empty()) return;
  std::string secret(input);
  std::string pair = "user:" + secret;
  crypto::Bytes bytes(pair.begin(), pair.end());
  CHECK(token_in("bAsIc " + crypto::to_base64(bytes)) == secret);
  if (!secret.starts_with(' ')) CHECK(token_in("BEARER  " + secret) == secret);
}

}  // namespace ncps::access
