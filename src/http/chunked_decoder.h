// The chunks of a request's body, undone. Pure, and strict: what two readers could understand
// differently is refused.
//
// Source: RFC 9112 section 7.1. Chunk extensions and trailers are passed over.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ncps::http {

// Not thread-safe. Memory: none; bytes of the body stay where they came.
class ChunkedDecoder {
 public:
  static constexpr std::size_t kMaxLine = 1024;          // of a chunk's size with its extensions
  static constexpr std::size_t kMaxTrailers = 8 * 1024;  // all of them

  // Takes from the front of `in`, and returns the next bytes of the body, which lie in `in`. Empty:
  // `in` is used up, or the body has ended: what `in` still holds then is none of its. Errors: invalid.
  Result<std::string_view> take(std::string_view& in);

  bool ended() const noexcept { return at_ == At::end; }

 private:
  enum class At : std::uint8_t {
    size,       // before or in the digits
    extension,  // behind them
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_begin,  // at the beginning of a line
    trailer,
    trailer_lf,
    last_lf,
    end,
  };
  Result<void> take_outside(char c);

  At at_ = At::size;
  std::uint64_t left_ = 0;  // of the size's value, then of the chunk
  unsigned digits_ = 0;
  std::size_t line_ = 0;      // bytes of this line
  std::size_t trailers_ = 0;  // bytes of all
};

}  // namespace ncps::http
