// What may be changed here at all, whoever asks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nix/nar_info.h"

namespace ncps::server {

// Can change while we run.
struct WritePolicy {
  bool put = false;                  // uploads and pins
  bool remove = false;               // deletions
  std::uint64_t most_nar_bytes = 0;  // of an uploaded NAR's file; 0: any
  std::size_t most_narinfo_bytes = nix::kMaxNarInfoBytes;
};

}  // namespace ncps::server
