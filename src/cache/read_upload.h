// The body of an upload, undone of its Content-Encoding, with a bound on what comes out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cache/upload_answer.h"
#include "nix/compression.h"
#include "rt/byte_source.h"
#include "rt/offload.h"

namespace ncps::cache {

// kept: all of it went to `sink`, on the pool; else why not: too_large, unfit (not encoded so), or
// what else the sink's Errors of the kind corrupt say. `after_each`, if any: awaited after each piece
// that went to the sink. Errors: the body's, the sink's, those of `after_each`.
Task<UploadAnswer> read_upload(ByteSource& body, nix::Compression encoding, std::uint64_t most,
                               Pool& pool, std::function<Result<void>(std::string_view)> sink,
                               std::function<Task<void>()> after_each = {});

}  // namespace ncps::cache
