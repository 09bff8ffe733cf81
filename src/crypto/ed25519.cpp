#include "crypto/ed25519.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace ncps::crypto {
namespace {

constexpr std::size_t kSeedBytes = 32;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Key key_of_seed(const std::uint8_t* seed) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed, kSeedBytes));
}

std::optional<Ed25519Public> public_of_seed(const std::uint8_t* seed) {
  auto key = key_of_seed(seed);
  Ed25519Public half{};
  std::size_t size = half.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), half.data(), &size) != 1) return std::nullopt;
  return half;
}

}  // namespace

Result<Ed25519Secret> generate_ed25519() {
  Ed25519Secret secret{};
  if (RAND_priv_bytes(secret.data(), kSeedBytes) != 1) {
    return fail(ErrorKind::internal, "no randomness for a new key");
  }
  auto half = public_of_seed(secret.data());
  if (!half) return fail(ErrorKind::internal, "OpenSSL could not make an Ed25519 key");
  std::ranges::copy(*half, secret.begin() + kSeedBytes);
  return secret;
}

Ed25519Public public_half(const Ed25519Secret& secret) {
  Ed25519Public half{};
  std::copy(secret.begin() + kSeedBytes, secret.end(), half.begin());
  return half;
}

bool consistent(const Ed25519Secret& secret) {
  return public_of_seed(secret.data()) == public_half(secret);
}

Result<Ed25519Signature> sign(const Ed25519Secret& secret, std::string_view message) {
  auto key = key_of_seed(secret.data());
  Context context(EVP_MD_CTX_new());
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, raw(message), message.size()) != 1) {
    return fail(ErrorKind::internal, "OpenSSL could not sign");
  }
  return signature;
}

bool verify(const Ed25519Public& key, std::string_view message, const Ed25519Signature& signature) {
  Key evp(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  Context context(EVP_MD_CTX_new());
  return evp && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, evp.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), raw(message),
                          message.size()) == 1;
}

}  // namespace ncps::crypto
