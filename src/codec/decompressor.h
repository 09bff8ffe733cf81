// Decompressor: compressed bytes are pushed in, the bytes come out at a sink. One adapter for each
// library.
//
// Pushed, not pulled, so that no thread waits for bytes that are still on their way
// (docs/decisions/0003-push-decompression.md). Concatenated streams (xz, zstd frames, bzip2, gzip
// members, lz4 frames, lzip members) are one body, as for Nix; any other byte after the end is
// corrupt. br and lzma have no checksum: what comes out is only as good as the hash taken over it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "nix/compression.h"

namespace ncps::codec {

// Receives pieces of at most 64 KiB (none: pieces as they come). An Error from it ends the feed.
using Sink = std::function<Result<void>(std::string_view)>;

// Not thread-safe. Memory is bounded by the window of the format, at most 256 MiB for xz, lzma and
// lzip, 128 MiB for zstd; what needs more is corrupt. After an Error it may only be destroyed.
class Decompressor {
 public:
  virtual ~Decompressor() = default;

  // What comes out of one feed_some() at most, and a piece more.
  static constexpr std::size_t kTurn = 16ul << 20;

  // Errors: corrupt (not such a stream, checksum wrong), or what the sink returned.
  Result<void> feed(std::string_view bytes, const Sink& sink) {
    while (!bytes.empty()) {
      TRY(auto taken, feed_some(bytes, sink));
      bytes.remove_prefix(taken);
    }
    return {};
  }

  // The same, up to kTurn: of a few bytes gigabytes may come out, and others want the thread as well.
  // How many of `bytes` were taken; the rest is to be given again. None taken: much came out. Errors:
  // as feed.
  virtual Result<std::size_t> feed_some(std::string_view bytes, const Sink& sink) = 0;

  // The input has ended; call at most once. Errors: corrupt, if that is in the middle of a stream
  // or there was none (none: never), or what the sink returned.
  virtual Result<void> finish(const Sink& sink) = 0;
};

// Errors: invalid for compress, grzip, lrzip and lzop, which no cache in the field uses; internal,
// if the library cannot start.
Result<std::unique_ptr<Decompressor>> make_decompressor(nix::Compression compression);

}  // namespace ncps::codec
