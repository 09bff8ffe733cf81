#include "crypto/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstddef>

#include "base/check.h"

namespace ncps::crypto {

Sha256Digest hmac_sha256(std::string_view key, std::string_view message) {
  // OpenSSL takes a null key for "the one of last time".
  if (key.data() == nullptr) key = "";
  Sha256Digest digest{};
  std::size_t size = 0;
  auto* end = EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key.data(), key.size(),
                        reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                        digest.data(), digest.size(), &size);
  CHECK(end != nullptr && size == digest.size());
  return digest;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ncps::crypto
