#include "peer/peer_secret.h"

#include <charconv>

#include "crypto/encoding.h"
#include "crypto/hmac.h"

namespace ncps::peer {
namespace {

constexpr std::string_view kScheme = "ncps-peer ";

}  // namespace

PeerSecret PeerSecret::derived_from(const nix::SecretKey& key) {
  return PeerSecret(crypto::to_hex(crypto::hmac_sha256(key.str(), "ncps: instances of one cache")));
}

std::string PeerSecret::proof(std::string_view file, std::uint64_t fence) const {
  std::string message = "GET ";
  message.append(kRoute).append(file).append("\n").append(std::to_string(fence));
  return crypto::to_hex(crypto::hmac_sha256(secret_, message));
}

std::string PeerSecret::token(std::string_view file, std::uint64_t fence) const {
  return std::string(kScheme) + std::to_string(fence) + ":" + proof(file, fence);
}

std::optional<std::uint64_t> PeerSecret::accept(std::string_view token,
                                                std::string_view file) const {
  if (secret_.empty() || !token.starts_with(kScheme)) return std::nullopt;
  token.remove_prefix(kScheme.size());
  std::uint64_t fence = 0;
  auto [rest, ec] = std::from_chars(token.data(), token.data() + token.size(), fence);
  if (ec != std::errc() || rest == token.data() + token.size() || *rest != ':') return std::nullopt;
  token.remove_prefix(static_cast<std::size_t>(rest - token.data()) + 1);
  if (!crypto::same_secret(token, proof(file, fence))) return std::nullopt;
  return fence;
}

}  // namespace ncps::peer
