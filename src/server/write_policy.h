// What may be changed here at all, whoever asks.
#pragma once

#include <cstdint>

namespace ncps::server {

// Can change while we run.
struct WritePolicy {
  bool put = false;                  // uploads and pins
  bool remove = false;               // deletions
  std::uint64_t most_nar_bytes = 0;  // of an uploaded NAR's file; 0: any
};

}  // namespace ncps::server
