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

}  // namespace ncps::cache
