// ZstdEncoder: bytes are pushed in, one zstd frame comes out at a sink.
//
// One frame, because decoders of older clients stop at the second one. A window of at most 2 MiB,
// so that every client can read it; a content checksum; the content's size in the frame's head.
// Source: zstd.h, "Streaming compression". Level 3: docs/decisions/0007-uncompressed-upstreams.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "codec/decompressor.h"

namespace ncps::codec {

// Not thread-safe. Blocking work for the CPU pool. At most 4 MiB of memory, less for small
// contents. After an Error it may only be destroyed.
class ZstdEncoder {
 public:
  // For `size` bytes of content. Errors: internal, if the library has no memory to start with.
  static Result<ZstdEncoder> make(std::uint64_t size);
  ~ZstdEncoder();
  ZstdEncoder(ZstdEncoder&&) noexcept;
  ZstdEncoder& operator=(ZstdEncoder&&) noexcept;

  // The sink gets pieces of at most 128 KiB; up to 128 KiB of content wait inside until there is
  // more. Errors: internal, if there is more than `size`; what the sink returned.
  Result<void> feed(std::string_view bytes, const Sink& sink);

  // There is no more content; at most once. Errors: internal, if it was not `size` bytes; what the
  // sink returned.
  Result<void> finish(const Sink& sink);

 private:
  struct State;
  explicit ZstdEncoder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ncps::codec
