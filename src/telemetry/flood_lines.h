// FloodLines: lines of which there are as many as requests, on their way to stdout.
//
// The thread that makes and writes them gives way to all others (low_priority.h). So whoever shared a
// lock with it would wait for all of those as well: each thread that has lines puts what they are made
// of into a ring of its own, without a lock. What finds no room is lost, and counted. The lines come in
// the order of their times; against other lines of the log they may be late by kLinger, and more where
// the processors have no time for them.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "telemetry/log.h"
#include "telemetry/trace_context.h"

namespace ncps::log {

// What a line is made of.
class UnmadeLine {
 public:
  static constexpr std::size_t kMostFields = 10;  // what is more is left out

  // Keeps copies of the fields' texts, but not of their keys, nor of the message: those are literals.
  void set(Level level, std::string_view message, std::span<const Field> fields,
           const trace::SpanContext* within);

  // It has been made: long texts give their memory back.
  void done();

  std::size_t kept_bytes() const noexcept { return texts_.capacity(); }

  Level level = Level::info;
  std::chrono::steady_clock::time_point at;
  std::string_view message;
  trace::SpanContext within;  // not valid: none. Without its state
  std::span<const Field> fields() const noexcept { return std::span(fields_).first(count_); }

 private:
  std::array<Field, kMostFields> fields_ = none();
  std::size_t count_ = 0;
  std::string texts_;  // what the fields point to

  static std::array<Field, kMostFields> none();
};

class FloodLines {
 public:
  static constexpr std::size_t kEach = 1'024;                    // lines of a thread that wait
  static constexpr auto kLinger = std::chrono::milliseconds(5);  // so that one write has several
  static constexpr std::size_t kAtOnce = 4'096;  // bytes: what a pipe takes whole, pipe(7)

  // `make` appends a line without its end, `write` gets whole ones; both on one thread. Writing may block
  // for as long as nobody reads.
  FloodLines(std::function<void(const UnmadeLine&, std::string& to)> make,
             std::function<void(std::string_view lines)> write);
  ~FloodLines();  // stop() has returned true
  FloodLines(const FloodLines&) = delete;
  FloodLines& operator=(const FloodLines&) = delete;

  // Whether there is room for one more line of this thread. If not, gathering what it is made of can be
  // spared: it counts as lost.
  bool has_room();

  // Never waits. Message and keys are literals. Without room the line is lost.
  void put(Level level, std::string_view message, std::span<const Field> fields);

  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  // Waits until what was put before has been written, for so long at most.
  void drain(std::chrono::milliseconds patience);

  // Writes what is there, and ends. False: the writing did not end in time. Then this must stay where it
  // is for as long as the process lives. Nobody puts lines here any more.
  bool stop(std::chrono::milliseconds patience);

 private:
  // One thread puts in at the tail, another takes out at the head; both only grow.
  struct Ring {
    std::array<UnmadeLine, kEach> lines;
    alignas(64) std::atomic<std::uint64_t> head{0};
    alignas(64) std::atomic<std::uint64_t> tail{0};
  };

  Ring& mine();
  void run();
  bool take_all();
  void take(const UnmadeLine& line);
  void flush();
  void linger();
  bool somebody_waits();
  void sleep_until_there_are_some();
  void wake();

  const std::function<void(const UnmadeLine&, std::string&)> make_;
  const std::function<void(std::string_view)> write_;
  const std::uint64_t number_;  // of all that there ever were: tells threads whose ring they have
  Guarded<std::vector<std::shared_ptr<Ring>>> rings_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> asleep_{false}, stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;  // stopping_ and what follows, guarded by mutex_
  bool ended_ = false;
  std::uint64_t drains_ = 0, drained_ = 0;  // asked for; done
  std::string batch_, line_;                // of the writing thread
  std::thread thread_;
};

}  // namespace ncps::log
