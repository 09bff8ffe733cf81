// What went wrong, as the caller needs to see it.
//
// An Error carries a kind (so that code can decide), one sentence for a human (so that a log line
// is enough), and the trail of what was being done, added on the way up. It is a plain value
// without library types. An Error from a `find` always means "could not find out", never "absent".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ncps {

enum class ErrorKind : std::uint8_t {
  invalid,      // the request or document is malformed; trying again cannot help
  not_found,    // confirmed absent
  conflict,     // exists already, or somebody else holds it
  corrupt,      // bytes do not match their hash, size or signature
  unavailable,  // something of ours (disk, database) failed; the same call may succeed later
  timeout,      // the deadline passed before an answer came
  upstream,     // a binary cache that we asked failed or lied; the same call may succeed later
  internal,     // our own bug, or a library failed in a way nobody expected
};

std::string_view to_string(ErrorKind kind) noexcept;

class [[nodiscard]] Error {
 public:
  Error(ErrorKind kind, std::string what) : what_(std::move(what)), kind_(kind) {}

  ErrorKind kind() const noexcept { return kind_; }

  // "fetching nar/1x….nar.xz: cache.nixos.org: connection refused"
  const std::string& what() const noexcept { return what_; }

  // True if the same call, unchanged, could succeed later.
  bool retryable() const noexcept {
    return kind_ == ErrorKind::unavailable || kind_ == ErrorKind::timeout ||
           kind_ == ErrorKind::upstream;
  }

  // The disk was full: whoever makes room may try the same again.
  bool no_space() const noexcept { return no_space_; }
  Error for_want_of_space() && {
    no_space_ = true;
    return std::move(*this);
  }

  // Puts `action` in front of the sentence. Returns itself, for use in a return statement.
  Error while_doing(std::string_view action) &&;

 private:
  std::string what_;
  ErrorKind kind_;
  bool no_space_ = false;
};

}  // namespace ncps
