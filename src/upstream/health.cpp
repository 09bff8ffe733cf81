#include "upstream/health.h"

#include <algorithm>

namespace ncps::upstream {

Health::Attempt Health::begin(Kind kind) noexcept {
  if (open_) ++trials_;
  return {.number = ++begun_, .kind = kind, .trial = open_};
}

Health::Change Health::end(const Attempt& attempt, Outcome outcome, Time now,
                           double unit_random) noexcept {
  if (attempt.trial) --trials_;
  auto change = judge(attempt, outcome, now);
  if (change == Change::went && (proven_ || now - back_at_ >= kProbeEvery)) backoff_ = kFirstTrial;
  if (change != Change::none || attempt.kind == Kind::probe) schedule(now, unit_random);
  return change;
}

Health::Change Health::judge(const Attempt& attempt, Outcome outcome, Time now) noexcept {
  switch (outcome) {
    case Outcome::unknown: return Change::none;
    case Outcome::alive:
      last_alive_ = std::max(last_alive_, attempt.number);
      failures_ = 0;
      proven_ = attempt.kind == Kind::request || (proven_ && !open_);
      if (!open_) return Change::none;
      open_ = false;
      back_at_ = now;
      ++returns_;
      return Change::came_back;
    case Outcome::failed:
    case Outcome::unreachable: break;
  }
  // It hung while others were answered: that is known to be over.
  if (open_ || attempt.number < last_alive_) return Change::none;
  ++failures_;
  if (outcome == Outcome::failed && failures_ < kFailuresInARow) return Change::none;
  open_ = true;
  return Change::went;
}

Health::Change Health::fits(bool store_dir_fits) noexcept {
  if (refused_ != store_dir_fits) return Change::none;
  refused_ = !store_dir_fits;
  if (refused_) return Change::went;
  ++returns_;
  return Change::came_back;
}

Standing Health::standing() const noexcept {
  if (refused_) return Standing::refused;
  if (!open_) return Standing::good;
  return trials_ > 0 ? Standing::trying : Standing::doubtful;
}

void Health::schedule(Time now, double unit_random) noexcept {
  auto full = open_ ? backoff_ : kProbeEvery;
  if (open_) backoff_ = std::min(2 * backoff_, kMostBetweenTrials);
  auto part = static_cast<double>(full.count()) * (1.0 - unit_random / 4);
  next_probe_ = now + std::chrono::milliseconds(static_cast<std::int64_t>(part));
}

}  // namespace ncps::upstream
