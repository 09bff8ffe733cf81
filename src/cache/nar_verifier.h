// NarVerifier: whether the bytes of a NAR's file are what was announced.
//
// Hashes the file, decompresses it, walks the NAR to its end and hashes that. Pushed, so that it
// can follow a download. Blocking work for the CPU pool; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "cache/nar_bounds.h"
#include "nix/compression.h"
#include "nix/hash.h"

namespace ncps::cache {

// What is known beforehand; what is absent is not checked. A NAR of which nothing but its name is
// known must have that hash, as a file or decompressed.
struct NarExpectation {
  nix::Compression compression;
  std::optional<nix::Hash> file_hash;
  std::optional<std::uint64_t> file_size;
  std::optional<nix::Hash> nar_hash;
  std::optional<std::uint64_t> nar_size;
  std::optional<nix::Hash> either_hash;
};

// What the bytes of a NAR's file are.
struct NarFacts {
  nix::Hash file_hash;
  std::uint64_t file_size;
  nix::Hash nar_hash;
  std::uint64_t nar_size;
};

class NarVerifier {
 public:
  // Errors: invalid: a compression that we cannot undo, or nothing to check against.
  static Result<NarVerifier> make(const NarExpectation& expected);
  ~NarVerifier();
  NarVerifier(NarVerifier&&) noexcept;
  NarVerifier& operator=(NarVerifier&&) noexcept;

  // Of a NAR of which nothing is known: whether it is a NAR at all, of at most `most` bytes. Errors:
  // invalid, as make.
  static Result<NarVerifier> for_unknown(nix::Compression compression,
                                         std::uint64_t most = kMostUnknownNarBytes);

  // Errors: corrupt, as soon as the bytes cannot become right (also: more than NarSize or
  // FileSize; also in the middle of `bytes`, however much would come out of them).
  Result<void> feed(std::string_view bytes);

  // The same, up to codec::Decompressor::kTurn that come out, so that other NARs get their turns of
  // the pool: how many of `bytes` were taken; the rest is to be given again. Errors: as feed.
  Result<std::size_t> feed_some(std::string_view bytes);

  // All bytes were fed. Errors: corrupt, naming what does not match.
  Result<NarFacts> finish();

 private:
  struct State;
  explicit NarVerifier(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ncps::cache
