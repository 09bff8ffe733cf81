// What a narinfo says of a store path: where its NAR is, what it must hash to, who vouches for it.
//
// Source: Nix, src/libstore/nar-info.cc (the format has no other standard). A plain value: no
// half-read state, and an absent field is an empty optional.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "nix/compression.h"
#include "nix/hash.h"
#include "nix/signature.h"
#include "nix/store_path.h"

namespace ncps::nix {

struct NarInfo {
  StorePath store_path;
  std::string url;  // as the cache wrote it: relative, absolute or opaque; never empty
  Compression compression;
  std::optional<Hash> file_hash;  // absent also if written in another algorithm than sha256
  std::optional<std::uint64_t> file_size;  // bytes of the file behind url
  Hash nar_hash;
  std::uint64_t nar_size;  // bytes of the NAR, decompressed; > 0
  std::vector<StorePath> references;
  std::optional<std::string> deriver;  // base name; absent for "unknown-deriver"
  std::vector<Signature> signatures;   // the well-formed ones, in their order
  std::optional<std::string> ca;
  std::vector<std::pair<std::string, std::string>> other;  // lines with other keys, in their order

  friend bool operator==(const NarInfo&, const NarInfo&) = default;
};

// Reads what caches in the field write: CRLF, blank lines, unknown keys, a missing space after the
// colon, hashes in any encoding, a missing last newline, malformed Sig lines (dropped: one would
// make Nix 2.34 refuse the rest), a Deriver that is no store path (dropped). Keys are
// case-sensitive; of a repeated one the last counts.
// Errors: invalid: a required field is missing or malformed (StorePath, URL, NarHash, NarSize), an
// unreadable number, hash, reference or compression, a second CA or second References that are not
// empty, a line without a key, or text longer than kMaxNarInfoBytes.
Result<NarInfo> parse_nar_info(std::string_view text);

// In Nix's canonical order; every line ends in '\n'; References are always written. parse(print(x))
// == x.
std::string print_nar_info(const NarInfo& info);

// "1;<StorePath>;<NarHash as sha256:nix32>;<NarSize>;<references, full, sorted, unique, by
// commas>": what a signature covers.
std::string fingerprint(const NarInfo& info);

inline constexpr std::size_t kMaxNarInfoBytes = 1 << 20;  // real ones have 0.5 to 20 KiB

}  // namespace ncps::nix
