// ReferenceWalk: fetches narinfos that nobody has asked for yet, because they will.
//
// A client learns of a path's references only from its narinfo, and many ask for one after the
// other. Whoever is here before them has found them already. For nobody in particular: few at once,
// a bounded queue; what does not fit is dropped, a client's request fetches it. Thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>

#include "base/guarded.h"
#include "nix/store_path_hash.h"
#include "rt/runtime.h"
#include "rt/task_group.h"

namespace ncps::cache {

struct WalkLimits {
  std::size_t at_once = 32;  // about what one Nix client asks for at once (http-connections, 25)
  std::size_t queued = 10'000;
};

class ReferenceWalk {
 public:
  using Fetch = std::function<boost::asio::awaitable<void>(nix::StorePathHash)>;

  // `fetch` may add more, from any thread.
  ReferenceWalk(Runtime& runtime, Fetch fetch, WalkLimits limits = {})
      : runtime_(runtime), fetch_(std::move(fetch)), limits_(limits) {}

  // Each is fetched once for as long as it is queued or being fetched.
  void add(std::span<const nix::StorePathHash> hashes);

  // Drops what is queued, takes no more, and waits for what runs. Blocks: not from an io thread.
  bool stop(Deadline deadline);

 private:
  struct State {
    std::set<nix::StorePathHash> known;  // queued or being fetched
    std::deque<nix::StorePathHash> queue;
    std::size_t workers = 0;
    bool stopped = false;
  };

  boost::asio::awaitable<void> work();
  std::optional<nix::StorePathHash> next();  // absent: this worker is done

  Runtime& runtime_;
  Fetch fetch_;
  WalkLimits limits_;
  Guarded<State> state_;
  TaskGroup group_;
};

}  // namespace ncps::cache
