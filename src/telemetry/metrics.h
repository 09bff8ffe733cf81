// What is counted with: counters, gauges, histograms.
//
//   auto hits = registry.counter({"ncps_hits_total", "Answers from what is kept"}, {{"object", "nar"}});
//   hits.add();                                  // on the path of a request: one atomic addition
//
// Handles are small, are copied, and stay good for as long as their Registry (registry.h) lives; a
// handle that no Registry made counts nowhere, so that whoever counts need not ask whether anybody
// listens. Adding neither locks nor allocates, and threads have places of their own, so that they do
// not wait for each other's cache lines. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ncps::metrics {

namespace detail {

inline constexpr std::size_t kPlaces = 16;  // threads beyond share them

// This thread's.
std::size_t place() noexcept;

struct alignas(64) Cell {
  std::atomic<std::int64_t> value{0};
};

struct Number {
  std::array<Cell, kPlaces> cells;
  std::int64_t sum() const noexcept;
};

// For each place: a count for each bound, one for what is beyond, and the sum; in cache lines of its own.
class Distribution {
 public:
  explicit Distribution(std::vector<double> upper_bounds);
  void observe(double value) noexcept;
  // Cumulative: one for each bound, then all of them.
  std::vector<std::uint64_t> buckets() const;
  double sum() const;

 private:
  struct alignas(64) Line {
    static constexpr std::size_t kWords = 8;
    std::array<std::atomic<std::int64_t>, kWords> words{};
  };
  const std::atomic<std::int64_t>& word(std::size_t of, std::size_t which) const noexcept {
    auto at = of * lines_each_ * Line::kWords + which;
    return lines_[at / Line::kWords].words[at % Line::kWords];
  }
  std::atomic<std::int64_t>& word(std::size_t of, std::size_t which) noexcept {
    return const_cast<std::atomic<std::int64_t>&>(std::as_const(*this).word(of, which));
  }

  const std::vector<double> bounds_;
  const std::size_t lines_each_;
  std::vector<Line> lines_;
};

}  // namespace detail

class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t n = 1) const noexcept {
    if (number_ == nullptr) return;
    auto& cell = number_->cells[detail::place()];
    cell.value.fetch_add(static_cast<std::int64_t>(n), std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept {
    return number_ == nullptr ? 0 : static_cast<std::uint64_t>(number_->sum());
  }

 private:
  friend class Registry;
  explicit Counter(detail::Number* number) : number_(number) {}
  detail::Number* number_ = nullptr;
};

// What goes up and down by steps. A size that somebody knows anyway is asked for: Registry::ask.
class Gauge {
 public:
  Gauge() = default;
  void add(std::int64_t n) const noexcept {
    if (number_ == nullptr) return;
    number_->cells[detail::place()].value.fetch_add(n, std::memory_order_relaxed);
  }
  std::int64_t value() const noexcept { return number_ == nullptr ? 0 : number_->sum(); }

 private:
  friend class Registry;
  explicit Gauge(detail::Number* number) : number_(number) {}
  detail::Number* number_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  // In the unit of the name: seconds, bytes. Sums are exact to a millionth.
  void observe(double value) const noexcept {
    if (distribution_ != nullptr) distribution_->observe(value);
  }

 private:
  friend class Registry;
  explicit Histogram(detail::Distribution* distribution) : distribution_(distribution) {}
  detail::Distribution* distribution_ = nullptr;
};

// From a millisecond to two minutes.
std::vector<double> seconds_bounds();

}  // namespace ncps::metrics
