// A SHA-256 as narinfos write it: NarHash, FileHash.
//
// Read in every form that caches in the field use: "sha256:" followed by nix32 (52), hex (64) or
// base64 (44 characters), or SRI "sha256-<base64>". Written as "sha256:<nix32>".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/sha256.h"

namespace ncps::nix {

class Hash {
 public:
  explicit Hash(const crypto::Sha256Digest& digest) : digest_(digest) {}

  // Errors: invalid, also for another algorithm than sha256.
  static Result<Hash> parse(std::string_view text);

  // From the bare 52 nix32 or 64 hex characters that NAR files are named by. Errors: invalid.
  static Result<Hash> parse_bare(std::string_view text);

  const crypto::Sha256Digest& digest() const noexcept { return digest_; }
  std::string nix32() const;  // 52 characters, no prefix
  std::string str() const;    // "sha256:<nix32>"

  friend auto operator<=>(const Hash&, const Hash&) = default;

 private:
  crypto::Sha256Digest digest_;
};

}  // namespace ncps::nix
