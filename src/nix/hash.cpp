#include "nix/hash.h"

#include <algorithm>

#include "crypto/encoding.h"

namespace ncps::nix {
namespace {

constexpr std::size_t kNix32Length = 52;
constexpr std::size_t kHexLength = 64;

Result<Hash> from_bytes(const Result<crypto::Bytes>& bytes) {
  crypto::Sha256Digest digest{};
  if (!bytes || bytes->size() != digest.size()) {
    return fail(ErrorKind::invalid, "not the text of a SHA-256");
  }
  std::ranges::copy(*bytes, digest.begin());
  return Hash(digest);
}

}  // namespace

Result<Hash> Hash::parse_bare(std::string_view text) {
  if (text.size() == kNix32Length) return from_bytes(crypto::from_nix32(text, 32));
  if (text.size() == kHexLength) return from_bytes(crypto::from_hex(text));
  return fail(ErrorKind::invalid, "not the text of a SHA-256");
}

Result<Hash> Hash::parse(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256";
  if (!text.starts_with(kAlgorithm)) return fail(ErrorKind::invalid, "not a sha256 hash");
  text.remove_prefix(kAlgorithm.size());
  if (text.starts_with('-')) return from_bytes(crypto::from_base64(text.substr(1)));
  if (!text.starts_with(':')) return fail(ErrorKind::invalid, "not a sha256 hash");
  text.remove_prefix(1);
  if (text.size() == kNix32Length || text.size() == kHexLength) return parse_bare(text);
  return from_bytes(crypto::from_base64(text));
}

std::string Hash::nix32() const {
  return crypto::to_nix32(digest_);
}

std::string Hash::str() const {
  return "sha256:" + nix32();
}

}  // namespace ncps::nix
