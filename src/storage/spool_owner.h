// Whose spool folder is this, and is its process gone? The names of such folders, and the decision.
//
// A folder is named "<machine>-<pid>-<random>"; in earlier versions "<pid>-<random>". Two sources tell
// whether its process lives. A lock (flock(2)) tells at once, but only between processes of one
// kernel that see one mount: over a network file system it may be local to each machine, or not
// there. A heartbeat, the time of the file "lock", which is touched each minute, tells after a long
// silence, and everywhere.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ncps::storage {

// A sign of life each; after how much silence a process of another machine is taken for dead. Long,
// because a machine that is paused, or cut off from its file server, may come back.
struct SpoolTimes {
  std::chrono::milliseconds beat{std::chrono::minutes(1)};
  std::chrono::seconds silence{std::chrono::minutes(15)};
};

// Names processes whose locks on one file exclude each other: the kernel since its boot, and the
// network namespace, because containers may have mounts of a file server that share no locks.
// Lower-case hexadecimal digits. Where neither can be found out it is like no other.
const std::string& this_machine();

// A new name for a folder of ours.
std::string spool_folder_name();

// Whether that folder was made by a process of this machine.
bool is_of_this_machine(std::string_view folder_name);

enum class LockState : unsigned char { held, free, unknown };  // unknown: cannot be locked here

constexpr bool is_left_behind(bool of_this_machine, LockState lock, std::chrono::seconds quiet,
                              std::chrono::seconds silence) {
  if (lock == LockState::held) return false;
  if (of_this_machine && lock == LockState::free) return true;
  return quiet >= silence;
}

}  // namespace ncps::storage
