#include "cache/space.h"

#include <algorithm>
#include <limits>

#include "telemetry/log.h"

namespace ncps::cache {
namespace {

std::unexpected<Error> no_room(std::string_view why) {
  Error error(ErrorKind::unavailable, "there is no room for it: " + std::string(why));
  return std::unexpected(std::move(error).for_want_of_space());
}

}  // namespace

// Counts as waiting for as long as it lives.
class Space::Waiting {
 public:
  Waiting(Guarded<State>& state, std::uint64_t State::* what, std::uint64_t bytes)
      : state_(state), what_(what), bytes_(bytes) {
    state_.with([&](State& s) { s.*what_ += bytes_; });
  }
  Waiting(const Waiting&) = delete;
  ~Waiting() {
    state_.with([&](State& s) { s.*what_ -= bytes_; });
  }

 private:
  Guarded<State>& state_;
  std::uint64_t State::* what_;
  std::uint64_t bytes_;
};

void Space::use(SpaceLimits limits) {
  limits_.replace(limits);
  state_.with([](State& s) { s.asked = std::max(s.asked, s.begun + 1); });
  asked_.notify();
  changed_.notify();
}

Task<std::optional<storage::FreeSpace>> Space::disk() {
  if (!probe_) co_return std::nullopt;
  co_return co_await probe_();
}

std::optional<std::uint64_t> Space::ask() {
  auto ticket = state_.with([](State& s) -> std::optional<std::uint64_t> {
    if (s.stopped || Deadline::Clock::now() < s.not_before) return std::nullopt;
    s.asked = std::max(s.asked, s.begun + 1);
    return s.begun + 1;
  });
  if (ticket) asked_.notify();
  return ticket;
}

Task<void> Space::reserve(std::uint64_t bytes) {
  auto deadline = Deadline::after(kPatience);
  Waiting waiting(state_, &State::waiting, bytes);
  std::optional<std::uint64_t> ticket;
  for (;;) {
    auto seen = changed_.version();
    auto limits = limits_.now();
    if (limits->max_size != 0 && bytes > limits->max_size)
      co_return no_room("it is larger than all that may be kept");
    std::optional<storage::FreeSpace> disk;
    if (limits->min_free.any()) {
      CO_TRY(disk, co_await this->disk());
    }
    bool over = false;
    bool taken = state_.with([&](State& s) {
      over = s.stopped || (ticket && s.done >= *ticket);
      bool known = s.measured || limits->max_size == 0;
      if (s.stopped || !known || !fits(*limits, {.kept = s.kept(), .disk = disk}, bytes))
        return false;
      s.reserved += bytes;
      return true;
    });
    if (taken) co_return Result<void>();
    if (over) co_return no_room("what is kept is pinned, in use, or awaited");
    if (!ticket) ticket = ask();
    if (!ticket) co_return no_room("nothing more could be evicted just now");
    bool changed = co_await changed_.wait_past(seen, deadline);
    if (!changed) co_return no_room("evicting took too long");
  }
}

void Space::keep(std::uint64_t bytes) {
  state_.with([&](State& s) {
    s.reserved -= std::min(bytes, s.reserved);
    s.since += bytes;
    s.since_begin += bytes;
  });
}

void Space::give_back(std::uint64_t bytes) {
  state_.with([&](State& s) { s.reserved -= std::min(bytes, s.reserved); });
  changed_.notify();
}

void Space::add(std::uint64_t bytes) {
  auto limits = limits_.now();
  bool over = state_.with([&](State& s) {
    s.since += bytes;
    s.since_begin += bytes;
    return limits->max_size != 0 && s.measured && s.kept() > limits->max_size;
  });
  if (over) ask();
}

Task<bool> Space::has_room(std::uint64_t bytes, Deadline deadline) {
  CO_TRY(auto disk, co_await this->disk());
  if (!disk || disk->free >= bytes) co_return true;
  co_return co_await make_room(bytes, deadline);
}

Task<bool> Space::make_room(std::uint64_t bytes, Deadline deadline) {
  if (!probe_) co_return false;
  deadline = deadline.at_most(kPatience);
  Waiting waiting(state_, &State::disk_wanted, bytes);
  auto ticket = ask();
  if (!ticket) co_return false;
  for (;;) {
    auto seen = changed_.version();
    bool over = state_.with([&](const State& s) { return s.stopped || s.done >= *ticket; });
    CO_TRY(auto disk, co_await this->disk());
    if (disk && disk->free >= bytes) co_return true;
    if (over) co_return false;
    bool changed = co_await changed_.wait_past(seen, deadline);
    if (!changed) co_return false;
  }
}

Task<std::uint64_t> Space::largest() {
  auto limits = limits_.now();
  auto most = std::numeric_limits<std::uint64_t>::max();
  if (limits->max_size != 0) most = limits->max_size;
  CO_TRY(auto disk, co_await this->disk());
  if (!disk || disk->capacity == 0) co_return most;  // some network file systems do not know it
  co_return std::min(most, disk->capacity - limits->min_free.of(disk->capacity));
}

void Space::complain(const Error& why) {
  auto now = Deadline::Clock::now();
  bool quiet = state_.with([&](State& s) {
    if (now < s.quiet_until) return true;
    s.quiet_until = now + std::chrono::minutes(1);
    return false;
  });
  if (quiet) return;
  log::error("there is no room: what does not fit is served, but not kept",
             {{"why", why.what()}, {"kept", kept().value_or(0)}});
}

void Space::stop() {
  state_.with([](State& s) { s.stopped = true; });
  asked_.notify();
  changed_.notify();
}

bool Space::stopped() const {
  return state_.with([](const State& s) { return s.stopped; });
}

Task<bool> Space::wanted(Deadline deadline) {
  for (;;) {
    auto seen = asked_.version();
    auto [stopped, asked] =
        state_.with([](const State& s) { return std::pair(s.stopped, s.asked > s.begun); });
    if (stopped) co_return false;
    if (asked) co_return true;
    bool changed = co_await asked_.wait_past(seen, deadline);
    if (!changed) co_return false;
  }
}

bool Space::idle() const {
  auto limits = limits_.now();
  return !limits->any() && state_.with([](const State& s) { return s.disk_wanted == 0; });
}

void Space::begin_round() {
  state_.with([](State& s) {
    ++s.begun;
    s.since_begin = 0;
  });
}

void Space::measured(std::uint64_t bytes) {
  state_.with([&](State& s) {
    s.measured = bytes;
    s.since = s.since_begin;
  });
  changed_.notify();
}

Task<std::uint64_t> Space::bytes_to_free(Why why) {
  auto limits = limits_.now();
  CO_TRY(auto disk, co_await this->disk());
  auto use = state_.with([&](const State& s) {
    return SpaceUse{
        .kept = s.kept(), .wanted = s.waiting, .disk_wanted = s.disk_wanted, .disk = disk};
  });
  co_return to_free(*limits, use, why);
}

void Space::freed(std::uint64_t bytes) {
  state_.with([&](State& s) {
    auto known = s.measured.value_or(0);
    s.measured = known - std::min(bytes, known);
    s.since -= std::min(s.since, bytes - std::min(bytes, known));
  });
  changed_.notify();
}

void Space::end_round(bool enough) {
  state_.with([&](State& s) {
    s.done = s.begun;
    if (!enough) s.not_before = Deadline::Clock::now() + kPause;
  });
  changed_.notify();
}

std::optional<std::uint64_t> Space::kept() const {
  return state_.with(
      [](const State& s) { return s.measured ? std::optional(s.kept()) : std::nullopt; });
}

std::optional<std::uint64_t> Space::max_size() const {
  auto limits = limits_.now();
  return limits->max_size != 0 ? std::optional(limits->max_size) : std::nullopt;
}

std::uint64_t Space::waiting() const {
  return state_.with([](const State& s) { return s.waiting; });
}

}  // namespace ncps::cache
