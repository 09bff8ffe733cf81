// drain: all that a ByteSource gives, and how it ended.
#pragma once

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "rt/byte_source.h"

namespace ncps::testing {

struct Drained {
  std::string bytes;
  std::optional<Error> error;  // absent: a clean end
};

inline Result<std::string> bytes_of(const Piece& piece) {
  if (const auto* text = std::get_if<std::string_view>(&piece)) return std::string(*text);
  auto span = std::get<FileSpan>(piece);
  std::string part(span.length, '\0');
  auto n = ::pread(span.fd, part.data(), part.size(), static_cast<off_t>(span.offset));
  if (n != static_cast<ssize_t>(part.size()))
    return fail(ErrorKind::internal, "a span of bytes that are not there");
  return part;
}

// Never an Error itself.
inline Task<Drained> drain(std::unique_ptr<ByteSource> source) {
  Drained out;
  for (;;) {
    auto piece = co_await source->next();
    if (!piece) {
      out.error = std::move(piece).error();
      co_return out;
    }
    if (piece_size(*piece) == 0) co_return out;
    auto bytes = bytes_of(*piece);
    if (!bytes) {
      out.error = std::move(bytes).error();
      co_return out;
    }
    out.bytes += *bytes;
  }
}

}  // namespace ncps::testing
