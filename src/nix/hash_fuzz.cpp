#include "nix/hash.h"

#include "crypto/encoding.h"
#include "fuzzing/fuzz_target.h"

namespace ncps::nix {

FUZZ_TARGET(hash) {
  for (const auto& hash : {Hash::parse(input), Hash::parse_bare(input)}) {
    if (!hash) continue;
    const auto& digest = hash->digest();
    CHECK(Hash::parse(hash->str()) == *hash && Hash::parse_bare(hash->nix32()) == *hash);
    CHECK(Hash::parse_bare(crypto::to_hex(digest)) == *hash);
    CHECK(Hash::parse("sha256-" + crypto::to_base64(digest)) == *hash);
    CHECK(Hash::parse("sha256:" + crypto::to_hex(digest)) == *hash);
  }
}

}  // namespace ncps::nix
