// Whether the CA line of a narinfo can vouch for its path, as a signature does.
//
// Source: Nix manual, "Store Path" (how a path follows from its contents), src/libstore/
// content-address.cc: "text:sha256:…", "fixed:sha256:…" (one file), "fixed:r:sha256:…" (a NAR). Pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "crypto/sha256.h"
#include "nix/nar_info.h"

namespace ncps::nix {

// What the contents must be for the path to be content-addressed.
struct ContentClaim {
  std::optional<Hash>
      of_file;  // absent: the NarHash says all; else of the one file that the NAR holds
};

// Absent: no CA line, one of a kind that cannot be checked (another hash than SHA-256, a git tree, a
// path that refers to itself), or one that the store path does not follow from: no better than
// unsigned.
std::optional<ContentClaim> content_claim(const NarInfo& info);

// The SHA-256 of the one regular file, not executable, that a NAR is. Memory: little, whatever it
// holds. The NAR's structure is for NarWalker to check.
class FileInNar {
 public:
  void feed(std::string_view bytes);
  // Absent: it is no such NAR. At most once.
  std::optional<Hash> finish();

 private:
  crypto::Sha256 sha_;
  std::string head_;        // until it is known
  std::uint64_t left_ = 0;  // of the contents
  bool reading_ = false, other_ = false;
};

}  // namespace ncps::nix
