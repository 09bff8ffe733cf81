#include "cache/slots.h"

namespace ncps::cache {

void Slots::count(State& s, const std::string& who, std::size_t State::One::* what, int by) {
  if (who.empty()) return;
  auto& one = s.by[who];
  one.*what += static_cast<std::size_t>(by);
  if (one.holds == 0 && one.waits == 0) s.by.erase(who);
}

Result<bool> Slots::try_take(const std::string& who) {
  return state_.with([&](State& s) -> Result<bool> {
    if (s.closed) return fail(ErrorKind::unavailable, "the server is shutting down");
    auto it = s.by.find(who);
    if (s.free == 0 || (it != s.by.end() && it->second.holds >= share_)) return false;
    --s.free;
    count(s, who, &State::One::holds, 1);
    return true;
  });
}

// False: too many wait already.
bool Slots::queue(const std::string& who) {
  return state_.with([&](State& s) {
    auto it = s.by.find(who);
    bool its_share = it != s.by.end() && it->second.waits >= (most_waiting_ + 1) / 2;
    if (s.waiting >= most_waiting_ || its_share) return false;
    ++s.waiting;
    count(s, who, &State::One::waits, 1);
    return true;
  });
}

Task<Slots::Slot> Slots::take(Deadline deadline, std::string who) {
  CO_TRY(bool at_once, try_take(who));
  if (at_once) co_return Slot(*this, std::move(who));
  if (!queue(who)) co_return fail(ErrorKind::unavailable, "too many wait already");
  Result<bool> taken = false;
  for (bool in_time = true; taken && !*taken && in_time;) {
    auto seen = changed_.version();
    taken = try_take(who);
    if (taken && !*taken) in_time = co_await changed_.wait_past(seen, deadline);
  }
  state_.with([&](State& s) {
    --s.waiting;
    count(s, who, &State::One::waits, -1);
  });
  if (!taken) co_return std::unexpected(std::move(taken).error());
  if (!*taken) co_return fail(ErrorKind::timeout, "no place became free before the deadline");
  co_return Slot(*this, std::move(who));
}

void Slots::give_back(const std::string& who) {
  state_.with([&](State& s) {
    ++s.free;
    count(s, who, &State::One::holds, -1);
  });
  changed_.notify();
}

void Slots::close() {
  state_.with([](State& s) { s.closed = true; });
  changed_.notify();
}

}  // namespace ncps::cache
