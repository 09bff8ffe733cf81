// Whoever writes lines to stdout does so alone: one may be longer than a pipe takes at once.
#pragma once

#include <mutex>

namespace ncps::log {

// Held while a line is written; for as long as nobody reads the pipe, if that is full.
inline std::timed_mutex& stdout_mutex() {
  static std::timed_mutex mutex;
  return mutex;
}

}  // namespace ncps::log
