// Guarded<T>: data that can be reached only while its mutex is held.
//
//   Guarded<std::map<Key, Flight>> flights;
//   flights.with([&](auto& map) { map.erase(key); });
//
// The lock lives as long as the function passed in; a plain lambda cannot suspend, so the lock can
// neither be forgotten nor carried over a co_await.
#pragma once

#include <mutex>
#include <utility>

namespace ncps {

template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  // Calls f(T&) under the lock and returns its value. f must not lock another Guarded.
  template <class F>
  auto with(F&& f) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

  template <class F>
  auto with(F&& f) const {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(static_cast<const T&>(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace ncps
