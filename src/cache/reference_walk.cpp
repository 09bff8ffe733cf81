#include "cache/reference_walk.h"

#include <algorithm>
#include <thread>

#include "telemetry/log.h"

namespace ncps::cache {

void ReferenceWalk::add(std::span<const nix::StorePathHash> hashes) {
  auto fresh = state_.with([&](State& s) -> std::size_t {
    if (s.stopped) return 0;
    for (const auto& hash : hashes) {
      if (s.queue.size() >= limits_.queued) break;
      if (s.known.insert(hash).second) s.queue.push_back(hash);
    }
    auto wanted = std::min(s.queue.size(), limits_.at_once - s.workers);
    s.workers += wanted;
    return wanted;
  });
  for (std::size_t i = 0; i < fresh; ++i)
    group_.spawn(runtime_.next_executor(), "fetching references", work());
}

std::optional<nix::StorePathHash> ReferenceWalk::next() {
  return state_.with([](State& s) -> std::optional<nix::StorePathHash> {
    if (s.queue.empty()) {
      --s.workers;
      return std::nullopt;
    }
    auto hash = s.queue.front();
    s.queue.pop_front();
    return hash;
  });
}

boost::asio::awaitable<void> ReferenceWalk::work() {
  while (auto hash = next()) {
    try {
      co_await fetch_(*hash);
    } catch (const std::exception& e) {  // a bug: the others go on
      log::error("fetching a reference failed", {{"narinfo", hash->str()}, {"error", e.what()}});
    }
    state_.with([&](State& s) { s.known.erase(*hash); });
  }
}

bool ReferenceWalk::stop(Deadline deadline) {
  state_.with([](State& s) {
    s.stopped = true;
    s.queue.clear();
  });
  // What was counted as a worker is in the group only a moment later.
  while (group_.join_blocking(deadline)) {
    if (state_.with([](const State& s) { return s.workers == 0; })) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace ncps::cache
