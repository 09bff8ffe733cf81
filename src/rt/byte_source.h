// ByteSource: bytes on their way, pulled piece by piece. Back-pressure is the co_await, nothing
// else.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "rt/task.h"

namespace ncps {

// A stretch of an open file: may be sent without being read (sendfile). The descriptor stays open
// until the next call of next() or the end of the source.
struct FileSpan {
  int fd;
  std::uint64_t offset;  // bytes from the beginning of the file
  std::uint64_t length;  // bytes; all of them are there already
};

// Bytes in memory, or in a file. Bytes in memory live until the next call of next().
using Piece = std::variant<std::string_view, FileSpan>;

inline std::uint64_t piece_size(const Piece& piece) noexcept {
  if (const auto* text = std::get_if<std::string_view>(&piece)) return text->size();
  return std::get<FileSpan>(piece).length;
}

// One reader, one thread at a time. Destroying it gives up the rest.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // The next piece; an empty one is the end, and all bytes before it are complete and right.
  // Errors: whatever kept the bytes from coming. After an Error or the end, do not call again.
  virtual Task<Piece> next() = 0;
};

}  // namespace ncps
