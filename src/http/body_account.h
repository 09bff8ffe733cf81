// BodyAccount: what a body still owes of the length that was announced for it. Pure; for every version
// of HTTP.
//
// A client takes what has its length for whole. So the last byte is kept back until the source has
// said that it is at its end: a check that fails there (a hash) still breaks the transfer. Of a
// SureSource nothing is kept back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rt/byte_source.h"

namespace ncps::http {

class BodyAccount {
 public:
  // `length`: bytes; absent: none was announced, and any number is right.
  BodyAccount(std::optional<std::uint64_t> length, const ByteSource& source);

  // So many bytes more have come; 0: the end. nullopt: that is right. Otherwise what is wrong with
  // the body, which must not end cleanly then.
  std::optional<std::string> take(std::uint64_t bytes);

  // Whether the last byte of what was taken last has to wait for the end.
  bool keeps_last() const noexcept { return left_ == 0 && !sure_; }

  // All that was announced has come.
  bool is_whole() const noexcept { return left_ == 0; }

  // Announced, and without a byte.
  bool is_empty() const noexcept { return empty_; }

 private:
  std::optional<std::uint64_t> left_;
  const bool empty_;
  const bool sure_;
};

void drop_last(Piece& piece) noexcept;

// nullopt: it is in a file that cannot be read. REQUIRES: not empty.
std::optional<char> last_of(const Piece& piece) noexcept;

}  // namespace ncps::http
