// SingleFlight: many callers, one piece of work per key.
//
// The first caller for a key starts the work; whoever asks before it ends gets the same Result. The
// work belongs to the SingleFlight, not to the caller: a client that hangs up does not end it. Who
// holds a key (eviction) keeps work on it from starting meanwhile. Of one key several editions may be
// under way beside each other, as after a reload, and a hold is of all of them. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task.h"
#include "rt/task_group.h"

namespace ncps::cache {

template <class Key, class T>
class SingleFlight {
 public:
  using Work = std::function<Task<T>()>;

  // Of more than `most` keys at once the further ones are refused: unavailable.
  explicit SingleFlight(Runtime& runtime, std::size_t most = 4'096)
      : runtime_(runtime), most_(most) {}

  // `work` is called at most once, and only if nobody is at it already, in that edition. The deadline
  // ends only the caller's waiting, with a timeout.
  Task<T> run(Key key, Work work, Deadline deadline, std::uint64_t edition = 0) {
    const Name name(std::move(key), edition);
    auto joined = join(name);
    for (;;) {
      auto& [flight, first] = joined;
      if (!flight) co_return fail(ErrorKind::unavailable, "too much is being looked for already");
      if (first)  // NOLINTNEXTLINE(bugprone-use-after-move): once
        group_.spawn(runtime_.next_executor(), "single flight", fly(name, flight, std::move(work)));
      first = false;
      auto seen = flight->landed.version();
      auto result = flight->result.with([](auto& slot) { return slot; });
      if (result) co_return std::move(*result);
      if (flight->let_go) {
        joined = join(name);
        continue;
      }
      bool changed = co_await flight->landed.wait_past(seen, deadline);
      if (!changed) co_return fail(ErrorKind::timeout, "no answer before the deadline");
    }
  }

  // For as long as it lives nobody works on that key; whoever asks waits. Must go before its
  // SingleFlight.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : of_(std::exchange(other.of_, nullptr)), key_(other.key_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (of_ != nullptr) of_->let_go(key_);
    }

   private:
    friend class SingleFlight;
    Hold(SingleFlight& of, Key key) : of_(&of), key_(std::move(key)) {}
    SingleFlight* of_;
    Key key_;
  };

  // nullopt: somebody works on it.
  std::optional<Hold> try_hold(const Key& key) {
    bool ours = state_.with([&](State& state) { return take(state, key) == nullptr; });
    return ours ? std::optional(Hold(*this, key)) : std::nullopt;
  }

  // The same, once whoever works on it is done. Errors: timeout.
  Task<Hold> hold(Key key, Deadline deadline) {
    for (;;) {
      auto other = state_.with([&](State& state) { return take(state, key); });
      if (!other) co_return Hold(*this, std::move(key));
      auto seen = other->landed.version();
      bool over = other->let_go || other->result.with([](auto& slot) { return slot.has_value(); });
      if (!over && !co_await other->landed.wait_past(seen, deadline))
        co_return fail(ErrorKind::timeout, "somebody else has been at it for too long");
    }
  }

  // Waits for what runs. Blocks: not from an io thread. Nothing may be started meanwhile.
  bool stop(Deadline deadline) { return group_.join_blocking(deadline); }

 private:
  struct Flight {
    Signal landed;
    Guarded<std::optional<Result<T>>> result;
    std::atomic<bool> let_go = false;  // it was only held
  };
  using FlightPtr = std::shared_ptr<Flight>;
  using Name = std::pair<Key, std::uint64_t>;  // with its edition
  struct State {
    std::map<Name, FlightPtr> flights;
    std::map<Key, FlightPtr> held;
  };
  struct Joined {
    FlightPtr flight;  // nullptr: too many
    bool first;
  };

  Joined join(const Name& name) {
    return state_.with([&](State& state) -> Joined {
      auto held = state.held.find(name.first);
      if (held != state.held.end()) return {held->second, false};
      auto& flights = state.flights;
      auto it = flights.find(name);
      if (it != flights.end()) return {it->second, false};
      if (flights.size() >= most_) return {nullptr, false};
      return {flights.emplace(name, std::make_shared<Flight>()).first->second, true};
    });
  }

  // nullptr: it is held for us now; else whoever works on it, or holds it.
  static FlightPtr take(State& state, const Key& key) {
    auto flight = state.flights.lower_bound(Name(key, 0));
    if (flight != state.flights.end() && flight->first.first == key) return flight->second;
    auto [it, ours] = state.held.try_emplace(key, nullptr);
    if (!ours) return it->second;
    it->second = std::make_shared<Flight>();
    return nullptr;
  }

  void let_go(const Key& key) {
    auto flight = state_.with([&](State& state) { return state.held.extract(key).mapped(); });
    flight->let_go = true;
    flight->landed.notify();
  }

  boost::asio::awaitable<void> fly(Name name, FlightPtr flight, Work work) {
    Result<T> result = fail(ErrorKind::internal, "the work ended without a result");
    try {
      result = co_await work();
    } catch (const std::exception& e) {
      result = fail(ErrorKind::internal, e.what());
    }
    state_.with([&](State& state) { state.flights.erase(name); });
    flight->result.with([&](auto& slot) { slot.emplace(std::move(result)); });
    flight->landed.notify();
  }

  Runtime& runtime_;
  std::size_t most_;
  Guarded<State> state_;
  TaskGroup group_;
};

}  // namespace ncps::cache
