#include "nix/store_path_hash.h"

#include <algorithm>

#include "crypto/encoding.h"

namespace ncps::nix {

Result<StorePathHash> StorePathHash::parse(std::string_view text) {
  if (text.size() != kLength) {
    return fail(ErrorKind::invalid, "the hash of a store path has 32 characters");
  }
  if (!crypto::is_nix32(text)) {
    return fail(ErrorKind::invalid, "the hash of a store path has a character outside nix32");
  }
  StorePathHash hash;
  std::ranges::copy(text, hash.chars_.begin());
  return hash;
}

}  // namespace ncps::nix
