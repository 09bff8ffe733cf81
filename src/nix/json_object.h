// Whether bytes that arrive in pieces have the shape of one whole JSON object.
//
// For documents that we pass on without reading them: an HTML page, a text cut short or with
// something behind it has not that shape. It is no validation: numbers, commas, escapes and UTF-8
// are not looked at. A library's parser would refuse listings whose file names are no UTF-8, which
// older Nix wrote and which are in use.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::nix {

// Not thread-safe. Memory: a byte for each open bracket, at most 512.
class JsonObjectCheck {
 public:
  // Errors: corrupt. After an Error it may only be destroyed.
  Result<void> feed(std::string_view bytes);
  // All bytes were fed. Errors: corrupt, if the object is not closed.
  Result<void> finish() const;

 private:
  enum class In : std::uint8_t { nothing_yet, structure, text, escape, end };
  Result<void> take(char c);
  Result<void> close(char bracket);

  In in_ = In::nothing_yet;
  std::string open_;  // the closing brackets that are still to come, the next one last
};

}  // namespace ncps::nix
