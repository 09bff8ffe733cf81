// What a download does when its upstream breaks: ask the same again, ask the next, or give up.
// Pure.
#pragma once

#include <chrono>
#include <cstddef>

namespace ncps::cache {

// For one source to begin its answer, retries included.
inline constexpr std::chrono::milliseconds kFirstByteTime{20'000};

struct FetchPolicy {
  unsigned most_failures = 8;                         // in a row, without progress between them
  std::chrono::milliseconds longest_silence{30'000};  // without progress, whatever the failures
  std::chrono::milliseconds first_delay{100};
  std::chrono::milliseconds longest_delay{2'000};
  std::size_t progress_bytes = 64 * 1024;  // fewer new bytes than this are no progress
  std::chrono::milliseconds first_byte = kFirstByteTime;  // for each source to begin
};

struct FetchTrouble {
  bool begun;                         // clients have already been given bytes of this file
  unsigned failures;                  // in a row, this one included
  std::size_t sources;                // that may have the file, the one that broke included
  std::chrono::milliseconds silence;  // since the last progress
};

struct FetchStep {
  bool go_on;
  bool next_source;                 // of the ring of sources
  std::chrono::milliseconds delay;  // before going on
};

// Before the first byte each source is asked once (it retries by itself). After it we hold on, turn
// by turn, because clients cannot be sent elsewhere any more; all have had a turn before we give
// up.
FetchStep next_step(const FetchPolicy& policy, const FetchTrouble& trouble) noexcept;

}  // namespace ncps::cache
