// The path of what a binary cache has besides narinfos and NARs, relative to its root:
//
//   <32 nix32>.ls                                 what a NAR holds
//   log/<hash>-<name>.drv                         how a derivation was built
//   realisations/sha256:<64 hex>!<output>.doi     which path an output has (CA derivations),
//   build-trace-v2/<hash>-<name>.drv/<output>.doi ... as Nix 2.35 and later ask for it
//   debuginfo/<40 hex>, debuginfo/<40 hex>.debug  in which NAR the debug symbols of a build id are
//
// Source: Nix, src/libstore/binary-cache-store.cc, src/libstore/realisation.hh, dwarffs. Only names
// of exactly these forms exist as values: they cannot leave their folder, nor name anything else of
// an upstream.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

enum class ObjectKind : std::uint8_t { listing, log, realisation, build_trace, debug_info };

class ObjectPath {
 public:
  // `path` percent-decoded, without a '/' before it: '+' and "%2B" name one object.
  // Errors: invalid.
  static Result<ObjectPath> parse(std::string_view path);

  ObjectKind kind() const noexcept { return kind_; }
  const std::string& str() const noexcept { return path_; }  // as parsed

  // Percent-encoded, as Nix 2.32 and later ask for it: a raw '+' is a space to some stores.
  std::string url() const;

  // What it belongs to: the hash of a store path (listing) or of a derivation (realisation), the
  // base name of a derivation (log, build trace), "<40 hex>" or "<40 hex>.debug".
  const std::string& id() const noexcept { return id_; }
  // Of a realisation or a build trace; else empty.
  const std::string& output() const noexcept { return output_; }

  friend auto operator<=>(const ObjectPath& a, const ObjectPath& b) { return a.path_ <=> b.path_; }
  friend bool operator==(const ObjectPath& a, const ObjectPath& b) { return a.path_ == b.path_; }

 private:
  ObjectPath(ObjectKind kind, std::string_view path, std::string_view id, std::string_view output)
      : kind_(kind), path_(path), id_(id), output_(output) {}
  ObjectKind kind_;
  std::string path_, id_, output_;
};

}  // namespace ncps::nix
