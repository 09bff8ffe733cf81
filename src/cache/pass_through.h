// A NAR straight from an upstream to one client, for when nothing can be kept, not even for as long
// as it takes: the disk is full.
//
// Verified on the way like a download, and its last bytes are held back until it is found right, so
// that what is wrong or cut short never ends cleanly. Nobody shares it, and what breaks off is not
// resumed: the client asks again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cache/download.h"
#include "cache/slots.h"

namespace ncps::cache {

struct PassThrough {
  std::unique_ptr<ByteSource> bytes;   // all of what the URL names
  std::optional<std::uint64_t> total;  // bytes; absent: not known
  std::string upstream;                // its name
};

// Asks the sources in their order. `cpu` and `slots` must outlive what it gives. Errors: not_found
// (every source says so), upstream, timeout, unavailable (no slot in time).
Task<PassThrough> open_pass_through(DownloadJob job, Pool& cpu, Slots& slots, Deadline deadline);

// `length` bytes from `first` on of what `whole` gives; absent: to its end. What comes before and behind is
// read and dropped: the end is reported only at the end of the whole, when that was found right.
std::unique_ptr<ByteSource> part_of(std::unique_ptr<ByteSource> whole, std::uint64_t first,
                                    std::optional<std::uint64_t> length);

}  // namespace ncps::cache
