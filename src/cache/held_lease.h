// HeldLease: the lease of one download, as long as it is worth anything.
//
// The download holds it; whoever finds that it has failed drops it at once, also while its coroutine
// still waits for something: the next one need not wait for that. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "lock/leases.h"

namespace ncps::cache {

class HeldLease {
 public:
  // What was dropped before takes none any more.
  void hold(std::unique_ptr<lock::Lease> lease) {
    state_.with([&](State& s) {
      if (!s.dropped) s.lease = std::move(lease);
    });
  }

  // For good. Gives it back.
  void drop() {
    auto gone = state_.with([](State& s) {
      s.dropped = true;
      return std::exchange(s.lease, nullptr);
    });
  }

  // Not for good: it may be taken again.
  void give_back() {
    auto gone = state_.with([](State& s) { return std::exchange(s.lease, nullptr); });
  }

  bool dropped() const {
    return state_.with([](const State& s) { return s.dropped; });
  }

  // What is downloaded under it has come on; the next step may take `longer` than usual.
  void progress(std::chrono::milliseconds longer = {}) {
    state_.with([&](State& s) {
      if (s.lease) s.lease->progress(longer);
    });
  }

  // nullopt: there is none, or it was lost.
  std::optional<std::uint64_t> fence() const {
    return state_.with([](const State& s) -> std::optional<std::uint64_t> {
      if (!s.lease || !s.lease->good()) return std::nullopt;
      return s.lease->fence();
    });
  }

 private:
  struct State {
    std::shared_ptr<lock::Lease> lease;
    bool dropped = false;
  };
  Guarded<State> state_;
};

}  // namespace ncps::cache
