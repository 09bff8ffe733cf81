// feed: all the bytes of a source, given to a sink on a pool.
#pragma once

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

// A stretch of one piece, at once. Errors: as feed's, but for those of a source.
Task<void> feed_piece(const Piece& piece, std::uint64_t first, std::uint64_t length, Pool& pool,
                      const std::function<Result<void>(std::string_view)>& sink);

}  // namespace ncps::cache
