// Of several instances that want one NAR: what one of them does about it, from moment to moment. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace ncps::cache {

struct FollowPolicy {
  // Without a byte from anybody: then the upstreams are asked all the same, because a client's NAR is
  // worth more than a transfer saved.
  std::chrono::milliseconds patience{30'000};
  std::chrono::milliseconds look_again{1'000};  // where no word may come
};

struct FollowView {
  bool ours;                          // the lease of the download
  bool at_rest;                       // as far as we know
  bool wanted;                        // by a client; else it is fetched ahead
  bool begun;                         // there are bytes already, and clients who read them
  bool peer;                          // the holder can be asked, or could when we asked last
  bool distrusted;                    // what came for this NAR before was wrong: no peer is asked
  std::chrono::milliseconds silence;  // since the last byte, or since we began
};

enum class Follow : std::uint8_t {
  leave,           // another instance does it: nothing is left to do here
  open_at_rest,    // nothing was given yet: it is served from the store
  fetch_and_keep,  // from the upstreams
  fetch_only,      // the same, for our clients alone
  read_store,      // from where we are on
  read_peer,
  wait,  // for the lease to be given back, at most look_again
};

Follow next_follow(const FollowPolicy& policy, const FollowView& view) noexcept;

// How long to wait then.
std::chrono::milliseconds nap(const FollowPolicy& policy, const FollowView& view) noexcept;

}  // namespace ncps::cache
