// PeerSecret: how instances of one cache know each other.
//
// Who asks another for what is on its way there proves with a token that it knows the secret. A token
// is good for one NAR and for as long as the lease under whose fence that is downloaded: so it needs
// no clock, and is of no use to whoever overhears it later. The secret itself is never sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nix/signature.h"

namespace ncps::peer {

// Where a NAR is asked for: kRoute + its file name.
inline constexpr std::string_view kRoute = "/peer/nar/";

// Immutable, so thread-safe.
class PeerSecret {
 public:
  // Of any length. Empty: nobody is let in, and no token is right.
  explicit PeerSecret(std::string secret) : secret_(std::move(secret)) {}

  // What all who have that signing key can make of it, and nobody else.
  static PeerSecret derived_from(const nix::SecretKey& key);

  // The value of an Authorization header. `file`: of a NAR's URL, "<name>.nar.xz".
  std::string token(std::string_view file, std::uint64_t fence) const;

  // The fence that it was made for. nullopt: it is wrong; how much of it is right does not show in the
  // time that this takes.
  std::optional<std::uint64_t> accept(std::string_view token, std::string_view file) const;

 private:
  std::string proof(std::string_view file, std::uint64_t fence) const;
  std::string secret_;
};

}  // namespace ncps::peer
