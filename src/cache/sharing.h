// Sharing: what a download needs to know of the other instances that keep their NARs where we do.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "cache/follow_policy.h"
#include "lock/leases.h"
#include "nix/nar_url.h"
#include "peer/peer_reader.h"

namespace ncps::cache {

struct Sharing {
  lock::Leases& leases;
  peer::PeerReader* peers = nullptr;     // nullptr: nobody is read from
  std::function<std::string()> address;  // where others read from us; empty: nowhere
  std::chrono::milliseconds time_to_live{300'000};
  FollowPolicy follow;

  // Without a step forward for so long a download has lost its lease. Upstreams that stall are given up
  // sooner (fetch_policy.h), and whoever follows has asked others long before.
  std::chrono::milliseconds stalls_after() const { return 4 * follow.patience; }
};

// Whoever has it may fetch that NAR and publish it, or remove it.
inline std::string download_lease(const nix::NarUrl& url) {
  return "download:nar:" + url.str();
}

}  // namespace ncps::cache
