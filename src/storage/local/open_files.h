// OpenFiles: small files that were read lately, still open, so that reading one again waits for no other thread.
//
// Each time it is given, a file is looked at: one that was removed, replaced, moved or changed since is opened
// anew. What is let go of is retired, for those who remember it. Only what that look cannot wait for is kept: files of
// file systems of this machine (not NFS). Bounded: kMost files of at most kLargest bytes, each for kTime; so a file
// that another process removes holds its space no longer than that, or until the next one is opened. Thread-safe.
#pragma once

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/guarded.h"
#include "storage/file_blob.h"

namespace ncps::storage {

class OpenFiles {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMost = 512;
  static constexpr std::uint64_t kLargest =
      1 << 20;  // opening a larger one is little of what it costs
  static constexpr auto kTime = std::chrono::seconds(60);

  // nullopt: not kept, or no longer the file of that name. Does not wait for a disk.
  std::optional<OpenFile> find(std::string_view key, Clock::time_point now = Clock::now());

  // If it may be kept. Blocking: asks the file system what it is.
  void keep(std::string_view key, const OpenFile& file, Clock::time_point now = Clock::now());

  void forget(std::string_view key);

 private:
  struct Kept {
    std::string key;
    OpenFile file;
    Clock::time_point until;
  };
  struct State {
    std::list<Kept> files;  // the one that was opened last is the first
    std::unordered_map<std::string_view, std::list<Kept>::iterator>
        by_key;  // views of the keys there
    void erase(std::string_view key);
  };
  Guarded<State> state_;
};

// Whether what is known of an open file is known without asking another machine, by statfs(2)'s type. Pure.
bool is_of_this_machine(std::int64_t file_system_type) noexcept;

}  // namespace ncps::storage
