// PeerReader: a NAR from the instance that downloads it, while it does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "nix/nar_url.h"
#include "rt/deadline.h"
#include "rt/task.h"
#include "upstream/upstream.h"

namespace ncps::peer {

// Who downloads it, as its lease says (lock::Holder).
struct PeerAt {
  std::string url;  // not to be trusted: whatever stood there
  std::uint64_t fence = 0;
};

// Thread-safe.
class PeerReader {
 public:
  virtual ~PeerReader() = default;

  // The NAR's file as it will be kept, from `first_byte` on if it can, as far as it has come, and then
  // what comes: its bytes are not verified yet, not even at the end. nullopt: it is not on its way there
  // under that lease. The deadline is for the beginning of the answer. Errors: upstream (it cannot be
  // reached, does not know us, or its address is none), timeout.
  virtual Task<std::optional<upstream::FileBody>> open(PeerAt peer, nix::NarUrl url,
                                                       std::uint64_t first_byte,
                                                       Deadline deadline) = 0;
};

}  // namespace ncps::peer
