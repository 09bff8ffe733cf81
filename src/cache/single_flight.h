// SingleFlight: many callers, one piece of work per key.
//
// The first caller for a key starts the work; whoever asks before it ends gets the same Result. The
// work belongs to the SingleFlight, not to the caller: a client that hangs up does not end it. Who
// holds a key (eviction) keeps work on it from starting meanwhile. Thread-safe.
#pragma once

#include <atomic>
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

  // `work` is called at most once, and only if nobody is at it already. The deadline ends only the
  // caller's waiting, with a timeout.
  Task<T> run(Key key, Work work, Deadline deadline) {
    auto joined = join(key);
    for (;;) {
      auto& [flight, first] = joined;
      if (!flight) co_return fail(ErrorKind::unavailable, "too much is being looked for already");
      if (first)
        group_.spawn(runtime_.next_executor(), "single flight", fly(key, flight, std::move(work)));
      first = false;
      auto seen = flight->landed.version();
      auto result = flight->result.with([](auto& slot) { return slot; });
      if (result) co_return std::move(*result);
      if (flight->let_go) {
        joined = join(key);
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
    bool ours = flights_.with(
        [&](auto& map) { return map.try_emplace(key, std::make_shared<Flight>()).second; });
    return ours ? std::optional(Hold(*this, key)) : std::nullopt;
  }

  // The same, once whoever works on it is done. Errors: timeout.
  Task<Hold> hold(Key key, Deadline deadline) {
    for (;;) {
      FlightPtr other;
      bool ours = flights_.with([&](auto& map) {
        auto [it, made] = map.try_emplace(key, nullptr);
        if (made) it->second = std::make_shared<Flight>();
        other = it->second;
        return made;
      });
      if (ours) co_return Hold(*this, std::move(key));
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
  struct Joined {
    FlightPtr flight;  // nullptr: too many
    bool first;
  };

  Joined join(const Key& key) {
    return flights_.with([&](auto& map) -> Joined {
      auto it = map.find(key);
      if (it != map.end()) return {it->second, false};
      if (map.size() >= most_) return {nullptr, false};
      return {map.emplace(key, std::make_shared<Flight>()).first->second, true};
    });
  }

  void let_go(const Key& key) {
    auto flight = flights_.with([&](auto& map) { return map.extract(key).mapped(); });
    flight->let_go = true;
    flight->landed.notify();
  }

  boost::asio::awaitable<void> fly(Key key, FlightPtr flight, Work work) {
    Result<T> result = fail(ErrorKind::internal, "the work ended without a result");
    try {
      result = co_await work();
    } catch (const std::exception& e) {
      result = fail(ErrorKind::internal, e.what());
    }
    flights_.with([&](auto& map) { map.erase(key); });
    flight->result.with([&](auto& slot) { slot.emplace(std::move(result)); });
    flight->landed.notify();
  }

  Runtime& runtime_;
  std::size_t most_;
  Guarded<std::map<Key, FlightPtr>> flights_;
  TaskGroup group_;
};

}  // namespace ncps::cache
