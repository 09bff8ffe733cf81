#include "telemetry/metrics.h"

#include <algorithm>
#include <cmath>

namespace ncps::metrics {
namespace detail {
namespace {

constexpr double kFraction = 1e6;  // sums are kept in millionths

}  // namespace

std::size_t place() noexcept {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % kPlaces;
  return mine;
}

std::int64_t Number::sum() const noexcept {
  std::int64_t all = 0;
  for (const auto& cell : cells) all += cell.value.load(std::memory_order_relaxed);
  return all;
}

Distribution::Distribution(std::vector<double> upper_bounds)
    : bounds_(std::move(upper_bounds)),
      lines_each_((bounds_.size() + 2 + Line::kWords - 1) / Line::kWords),
      lines_(kPlaces * lines_each_) {}

void Distribution::observe(double value) noexcept {
  auto mine = place();
  auto which = static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin());
  word(mine, which).fetch_add(1, std::memory_order_relaxed);
  word(mine, bounds_.size() + 1)
      .fetch_add(std::llround(value * kFraction), std::memory_order_relaxed);
}

std::vector<std::uint64_t> Distribution::buckets() const {
  std::vector<std::uint64_t> out;
  std::int64_t count = 0;
  for (std::size_t which = 0; which <= bounds_.size(); ++which) {
    for (std::size_t of = 0; of < kPlaces; ++of)
      count += word(of, which).load(std::memory_order_relaxed);
    out.push_back(static_cast<std::uint64_t>(count));
  }
  return out;
}

double Distribution::sum() const {
  std::int64_t all = 0;
  for (std::size_t of = 0; of < kPlaces; ++of)
    all += word(of, bounds_.size() + 1).load(std::memory_order_relaxed);
  return static_cast<double>(all) / kFraction;
}

}  // namespace detail
}  // namespace ncps::metrics
