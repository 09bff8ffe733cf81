// What all decompression libraries have in common; one adapter file for each hides the rest.
//
// Only for this room: others use codec/decompressor.h, which drives these.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace ncps::codec {

// What one step did.
struct Step {
  std::size_t consumed = 0;  // bytes taken from the front of the input
  std::size_t produced = 0;  // bytes written to the output
  bool whole = false;        // all input taken so far is one or more whole streams
};

class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;

  // Takes some of `in` or fills some of `out`, or both; neither only if it needs more input or is
  // between two streams. Must be called again, also without input, while it fills `out` to its end.
  // Errors: corrupt.
  virtual Result<Step> step(std::string_view in, std::span<char> out) = 0;

  // No input will follow. For libraries that see the end of the last stream only when told so;
  // called until it produces nothing. Errors: corrupt.
  virtual Result<Step> end(std::span<char> /*out*/) { return Step{}; }
};

// Errors: internal, if the library has no memory to start with.
using OpenedDecoder = Result<std::unique_ptr<StreamDecoder>>;
OpenedDecoder open_xz();
OpenedDecoder open_lzma();
OpenedDecoder open_lzip();
OpenedDecoder open_zstd();
OpenedDecoder open_bzip2();
OpenedDecoder open_gzip();
OpenedDecoder open_lz4();
OpenedDecoder open_brotli();

}  // namespace ncps::codec
