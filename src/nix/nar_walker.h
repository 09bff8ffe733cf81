// Follows the structure of a NAR that arrives in pieces: proves that it is one, whole, with nothing
// behind.
//
// Source: Nix manual, "Nix Archive (NAR) format". A hash over the bytes alone would accept a NAR
// with bytes after its closing parenthesis, which Nix clients ignore or reject. Limits are those of
// Nix 2.35: an entry lies in at most 64 directories, names have 255 bytes, symlink targets 4095.
// Names must ascend (bytewise) and be neither empty nor "." nor "..", nor hold '/' or NUL; padding
// must be zero.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

// What a NAR holds, told while it is walked: for each node what it is, before each node in a
// directory its name. An Error from one of these ends the walk.
class NarEvents {
 public:
  virtual ~NarEvents() = default;
  virtual Result<void> directory_begins() = 0;
  virtual Result<void> entry(std::string_view name) = 0;  // its node comes next
  virtual Result<void> directory_ends() = 0;
  // `offset`: of the first byte of its contents, from the beginning of the NAR.
  virtual Result<void> file(bool executable, std::uint64_t offset, std::uint64_t size) = 0;
  virtual Result<void> symlink(std::string_view target) = 0;
};

// Not thread-safe. Memory is bounded: names on the path to the current entry, never file contents.
class NarWalker {
 public:
  // `events` may be nullptr; else it must outlive the walker.
  explicit NarWalker(NarEvents* events = nullptr);
  ~NarWalker();
  NarWalker(NarWalker&&) noexcept;
  NarWalker& operator=(NarWalker&&) noexcept;

  // Errors: corrupt, with the byte offset, as soon as the bytes cannot be a NAR (also for bytes
  // after its end), or what the events returned. After an Error the walker is done: every later
  // call gives the same Error.
  Result<void> feed(std::string_view bytes);

  // True once the outermost node is closed.
  bool complete() const noexcept;

  // Errors: corrupt, if the NAR is not complete.
  Result<void> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ncps::nix
