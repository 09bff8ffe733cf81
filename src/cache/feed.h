// feed: all the bytes of a source, given to a sink on a pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "rt/byte_source.h"
#include "rt/deadline.h"
#include "rt/offload.h"

namespace ncps::cache {

// In order, to the end. Stretches of a file are read there, at most 1 MiB before others get their
// turn of the pool. Errors: the source's, the sink's, timeout (looked at between two stretches),
// unavailable (the file cannot be read).
Task<void> feed(ByteSource& source, Pool& pool, Deadline deadline,
                const std::function<Result<void>(std::string_view)>& sink);

// Takes some of the bytes, from their front, and says how many; the rest is given to it again, after
// others had their turn of the pool. So one that makes much of little holds up nobody.
using SomeSink = std::function<Result<std::size_t>(std::string_view)>;

// The same as feed(). The deadline is looked at between two turns.
Task<void> feed_in_turns(ByteSource& source, Pool& pool, Deadline deadline, const SomeSink& sink);

// One turn of a stretch of a piece: how many bytes were taken. Errors: as feed's, but for those of a source.
Task<std::uint64_t> feed_turn(const Piece& piece, std::uint64_t first, std::uint64_t length,
                              Pool& pool, const SomeSink& sink);

// A stretch of one piece, at once. Errors: as feed's, but for those of a source.
Task<void> feed_piece(const Piece& piece, std::uint64_t first, std::uint64_t length, Pool& pool,
                      const std::function<Result<void>(std::string_view)>& sink);

}  // namespace ncps::cache
