// ExportQueue: what waits to be sent to a collector. Bounded: whoever puts something in never waits
// for who takes it out; what does not fit is lost, and counted.
//
// Any number of producers, one consumer. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

namespace ncps::telemetry {

template <class T>
class ExportQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // At most `most` wait; `batch` of them wake the consumer.
  ExportQueue(std::size_t most, std::size_t batch) : most_(most), batch_(std::min(batch, most)) {}

  // False: there was no room (or it is closed), and it counts as dropped.
  bool push(T item) {
    bool wake = false;
    {
      std::lock_guard lock(mutex_);
      if (closed_ || size() >= most_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
      items_.push_back(std::move(item));
      wake = size_.fetch_add(1, std::memory_order_relaxed) + 1 == batch_;
    }
    if (wake) changed_.notify_one();
    return true;
  }

  // There was no room a moment ago: making another item may be spared. Counts it as dropped then.
  bool drop_unmade() noexcept {
    if (size_.load(std::memory_order_relaxed) < most_) return false;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  // Waits for a batch, until `when` or close(), and returns at most a batch of what is there.
  std::vector<T> take(Clock::time_point when) {
    {
      // Not longer than that: the consumer gives way to others (low_priority.h), and so would who waits.
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, when, [&] { return closed_ || size() >= batch_; });
      if (taken_.empty()) taken_.swap(items_);
    }
    auto end = taken_.begin() + static_cast<std::ptrdiff_t>(std::min(taken_.size(), batch_));
    std::vector<T> batch(std::make_move_iterator(taken_.begin()), std::make_move_iterator(end));
    taken_.erase(taken_.begin(), end);
    size_.fetch_sub(batch.size(), std::memory_order_relaxed);
    return batch;
  }

  // Nothing comes in any more; take() does not wait.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_one();
  }

  // The consumer could not pass on so many that it had taken.
  void lost(std::size_t number) noexcept { dropped_.fetch_add(number, std::memory_order_relaxed); }

  bool closed() const {
    std::lock_guard lock(mutex_);
    return closed_;
  }
  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::size_t most_, batch_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> dropped_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  std::deque<T> taken_;  // by the consumer, who has not passed them on yet
  bool closed_ = false;
};

}  // namespace ncps::telemetry
