#include "cache/slots.h"

namespace ncps::cache {

Result<bool> Slots::try_take() {
  return state_.with([](State& s) -> Result<bool> {
    if (s.closed) return fail(ErrorKind::unavailable, "the server is shutting down");
    if (s.free == 0) return false;
    --s.free;
    return true;
  });
}

Task<Slots::Slot> Slots::take(Deadline deadline) {
  CO_TRY(bool at_once, try_take());
  if (at_once) co_return Slot(*this);
  bool room = state_.with([](State& s) {
    if (s.waiting == kMostWaiting) return false;
    ++s.waiting;
    return true;
  });
  if (!room) co_return fail(ErrorKind::unavailable, "too many wait already");
  Result<bool> taken = false;
  for (bool in_time = true; taken && !*taken && in_time;) {
    auto seen = changed_.version();
    taken = try_take();
    if (taken && !*taken) in_time = co_await changed_.wait_past(seen, deadline);
  }
  state_.with([](State& s) { --s.waiting; });
  if (!taken) co_return std::unexpected(std::move(taken).error());
  if (!*taken) co_return fail(ErrorKind::timeout, "no place became free before the deadline");
  co_return Slot(*this);
}

void Slots::give_back() {
  state_.with([](State& s) { ++s.free; });
  changed_.notify();
}

void Slots::close() {
  state_.with([](State& s) { s.closed = true; });
  changed_.notify();
}

}  // namespace ncps::cache
