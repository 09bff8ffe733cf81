// NearNarInfo: a narinfo that this thread was given by NarInfoMemory within the present second.
//
// So that what is asked for again and again costs no lock that threads share: each thread goes to the
// memory, and notes the use, once a second. A narinfo has one place in each thread, which it loses to another.
// Bounded: kPlaces for each thread, none larger than kLargest. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "nix/store_path_hash.h"
#include "server/nar_info_memory.h"

namespace ncps::server {

class NearNarInfo {
 public:
  using Second = HotSecond;
  static constexpr std::size_t kPlaces = 256;
  static constexpr std::size_t kLargest = 16 << 10;  // bytes of its text

  static NearNarInfo& of_this_thread(const nix::StorePathHash& hash) {
    // Not the places themselves: every thread of the process would have them from its start.
    thread_local const auto places = std::make_unique<std::array<NearNarInfo, kPlaces>>();
    return (*places)[std::hash<nix::StorePathHash>{}(hash) / 16 %
                     kPlaces];  // 16: another than the shard
  }

  // `version`: of the memory, now.
  bool is(const nix::StorePathHash& hash, std::uint64_t version, Second second) const noexcept {
    return info_ && second_ == second && version_ == version && *hash_ == hash;
  }
  std::shared_ptr<const HotNarInfo> info() const noexcept { return info_; }

  // `version`: of before it was found.
  void keep(const nix::StorePathHash& hash, std::uint64_t version, Second second,
            const std::shared_ptr<const HotNarInfo>& info) {
    if (info->prepared->body.size() > kLargest) return;
    hash_ = hash;
    version_ = version;
    second_ = second;
    info_ = info;
  }

 private:
  std::optional<nix::StorePathHash> hash_;
  std::uint64_t version_ = 0;
  Second second_;
  std::shared_ptr<const HotNarInfo> info_;
};

}  // namespace ncps::server
