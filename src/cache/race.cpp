#include "cache/race.h"

#include <algorithm>

namespace ncps::cache {
namespace {

using State = Runner::State;

Move take_or_wait(const RacePolicy& policy, std::span<const Runner> runners, std::size_t found,
                  RaceClock::time_point now) noexcept {
  auto better = runners.first(found);
  auto until = runners[found].answered_at + policy.grace;
  bool pending = std::ranges::find(better, State::asked, &Runner::state) != better.end();
  if (pending && now < until) return {.kind = Move::Kind::wait, .until = until};
  return {.kind = Move::Kind::take, .who = found};
}

}  // namespace

Move next_move(const RacePolicy& policy, std::span<const Runner> runners, bool may_hedge,
               RaceClock::time_point now) noexcept {
  const auto index_of = [&](State state) {
    auto it = std::ranges::find(runners, state, &Runner::state);
    return static_cast<std::size_t>(it - runners.begin());
  };
  const auto none = runners.size();
  if (auto found = index_of(State::found); found != none)
    return take_or_wait(policy, runners, found, now);

  auto next = index_of(State::waiting);
  const Runner* latest = nullptr;  // of those who may still answer, the one asked last
  for (const auto& runner : runners)
    if (runner.state == State::asked) latest = &runner;
  if (next == none) return {.kind = latest != nullptr ? Move::Kind::wait : Move::Kind::end};
  if (latest == nullptr) return {.kind = Move::Kind::ask, .who = next};

  // The doubtful ones are asked together: most of them will not answer.
  if (latest->last_resort) return {.kind = Move::Kind::ask, .who = next, .extra = false};
  bool hedge = may_hedge && !runners[next].last_resort;
  auto until = latest->asked_at + (hedge ? latest->usual_delay : policy.patience);
  if (now < until) return {.kind = Move::Kind::wait, .until = until};
  return {.kind = Move::Kind::ask, .who = next, .extra = true};
}

}  // namespace ncps::cache
