// KeyLocks: one at a time for each key, for coroutines.
//
// For what is seldom: everybody who waits wakes whenever anything is released. Thread-safe. Must
// outlive what it gave out. Take several always in the same order: a narinfo's, then its NAR's.
#pragma once

#include <optional>
#include <set>
#include <utility>

#include "base/guarded.h"
#include "rt/deadline.h"
#include "rt/signal.h"
#include "rt/task.h"

namespace ncps::cache {

template <class Key>
class KeyLocks {
 public:
  // Destroying it lets the next one go on.
  class Held {
   public:
    Held(KeyLocks& of, Key key) : of_(&of), key_(std::move(key)) {}
    Held(Held&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), key_(std::move(other.key_)) {}
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (of_ != nullptr) of_->release(key_);
    }

   private:
    KeyLocks* of_;
    Key key_;
  };

  // Without waiting. nullopt: somebody has it.
  std::optional<Held> try_take(Key key) {
    if (!held_.with([&](auto& held) { return held.insert(key).second; })) return std::nullopt;
    return Held(*this, std::move(key));
  }

  // Errors: timeout.
  Task<Held> take(Key key, Deadline deadline) {
    for (;;) {
      auto seen = released_.version();
      if (held_.with([&](auto& held) { return held.insert(key).second; }))
        co_return Held(*this, std::move(key));
      if (!co_await released_.wait_past(seen, deadline))
        co_return fail(ErrorKind::timeout, "somebody else has been at it for too long");
    }
  }

 private:
  void release(const Key& key) {
    held_.with([&](auto& held) { held.erase(key); });
    released_.notify();
  }

  Guarded<std::set<Key>> held_;
  Signal released_;
};

}  // namespace ncps::cache
