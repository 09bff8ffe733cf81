// The listing of a NAR, "<hash>.ls": its tree as JSON, with the place of each file in the NAR.
//
// Source: Nix, src/libutil/nar-accessor.cc (listNar), src/libstore/binary-cache-store.cc. The text
// is that of Nix 2.26 and later, byte by byte: compact, keys sorted. Names that are no UTF-8 are
// written as they are, as Nix 2.8 did.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

struct NarListingLimits {
  std::size_t entries = 1'000'000;
  std::size_t bytes = 64 << 20;  // of the text
};

// Pushed, in one pass. Not thread-safe. Memory: the text, and little else.
class NarListing {
 public:
  explicit NarListing(NarListingLimits limits = {});
  ~NarListing();
  NarListing(NarListing&&) noexcept;
  NarListing& operator=(NarListing&&) noexcept;

  // The next bytes of the NAR, decompressed. Errors: corrupt (as NarWalker's), invalid (the listing
  // would be larger than it may be). After an Error it may only be destroyed.
  Result<void> feed(std::string_view nar_bytes);

  // The whole text; call once. Errors: corrupt, if the NAR is not complete.
  Result<std::string> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ncps::nix
