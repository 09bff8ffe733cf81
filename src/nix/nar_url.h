// The URL under which we announce and serve a NAR, relative to the root of the cache:
// "nar/<stem>.nar[.ext]" with an optional "?query" that is part of its identity.
//
// Only characters that every client sends unchanged: stem [0-9a-zA-Z_-]{1,128}, ext one of xz zst
// bz2 br lz4 lzip gz lzma none, query up to 512 of [0-9a-zA-Z._~=&%+-]. Such a name cannot leave
// its directory.
#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "nix/compression.h"
#include "nix/hash.h"
#include "nix/store_path_hash.h"

namespace ncps::nix {

class NarUrl {
 public:
  // `url` as in a narinfo's URL line: "nar/…". Errors: invalid (an absolute URL, another folder, a
  // character or extension that is not ours).
  static Result<NarUrl> parse(std::string_view url);

  // The name for a NAR whose own URL is not one of ours: "nar/<NarHash>.nar<ext>".
  static NarUrl for_nar_hash(const Hash& nar_hash, Compression compression);

  // The same for one store path alone: "nar/<hash of the store path>-<NarHash>.nar<ext>", as
  // nix-serve has it.
  static NarUrl for_store_path(const StorePathHash& hash, const Hash& nar_hash,
                               Compression compression);

  const std::string& str() const noexcept { return url_; }  // "nar/x.nar.xz?a=b"
  std::string_view file_name() const noexcept;              // "x.nar.xz"
  std::string_view stem() const noexcept;                   // "x"
  std::string_view query() const noexcept;                  // "a=b", or empty

  // The compression that the extension suggests: a guess for NARs of which no narinfo is known.
  // none for ".nar".
  Compression likely_compression() const noexcept;

  // The SHA-256 that the stem is, or ends in after a '-' (nix-serve); absent for any other name.
  std::optional<Hash> hash_in_name() const;

  // The store path hash that the stem is (attic), or begins with before a '-' (nix-serve); absent
  // for any other name.
  std::optional<StorePathHash> store_path_hash_in_name() const;

  friend auto operator<=>(const NarUrl&, const NarUrl&) = default;

 private:
  explicit NarUrl(std::string url) : url_(std::move(url)) {}
  std::string url_;
};

}  // namespace ncps::nix

template <>
struct std::hash<ncps::nix::NarUrl> {
  std::size_t operator()(const ncps::nix::NarUrl& u) const noexcept {
    return std::hash<std::string>{}(u.str());
  }
};
