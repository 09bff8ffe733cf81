#include "crypto/random.h"

#include <openssl/rand.h>

namespace ncps::crypto {

Result<Bytes> random_bytes(std::size_t number) {
  Bytes bytes(number);
  if (RAND_priv_bytes(bytes.data(), static_cast<int>(number)) != 1)
    return fail(ErrorKind::internal, "the system has no randomness to give");
  return bytes;
}

}  // namespace ncps::crypto
