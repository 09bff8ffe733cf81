// A file of a network file system that was removed or replaced elsewhere answers ESTALE: its name
// has to be looked up again, and tells then what is there now. Never a sign of absence.
#pragma once

#include <cerrno>

namespace ncps::storage {

inline constexpr int kStaleTries = 3;

// Makes that system call again, which returns -1 and errno when it fails; at last with ESTALE.
template <class Call>
auto again_if_stale(Call call) {
  for (int tried = 1;; ++tried) {
    auto result = call();
    if (result != -1 || errno != ESTALE || tried == kStaleTries) return result;
  }
}

}  // namespace ncps::storage
