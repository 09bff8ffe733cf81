// Look: whether something that may hang works, asked often and at no cost to it.
//
// Only one look is under way at a time, however many ask, and what it found holds for a moment. So
// a balancer that asks each second, or a stranger who asks all the time, cannot fill a pool whose
// threads hang. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/guarded.h"
#include "cache/single_flight.h"

namespace ncps::server {

class Look {
 public:
  using Work = std::function<Task<void>()>;

  static constexpr auto kPatience = std::chrono::seconds(1);  // balancers wait two, as a rule
  static constexpr auto kHolds = std::chrono::seconds(1);

  // `work` may take as long as it likes; it is called again only when it has ended. Runtime must
  // outlive the Look.
  Look(Runtime& runtime, Work work) : flights_(runtime), work_(std::move(work)) {}

  // Errors: those of `work`; timeout, if it does not end within kPatience.
  Task<void> now();

  // Waits for the look that is under way. Blocks: not from an io thread.
  bool stop(Deadline deadline) { return flights_.stop(deadline); }

 private:
  struct Seen {
    Result<void> what;
    std::chrono::steady_clock::time_point when;
  };
  Task<void> look();

  cache::SingleFlight<int, void> flights_;
  const Work work_;
  Guarded<std::optional<Seen>> seen_;
};

}  // namespace ncps::server
