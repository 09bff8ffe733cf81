// Replays a made-up year of a machine room against the eviction policy, and says how many of the
// bytes that clients asked for were here.
//
// The trace: store paths asked for by Zipf's law; clients ask for many narinfos (they look whether
// they are up to date) and fetch some NARs; now and then the channel is bumped: a part of all paths
// gets a new generation, and some machines stay behind. Fixed seeds: the same each time.
//
//   eviction_replay_bench [requests]
//
// Prints one line of JSON for each size of the cache, as a part of all that was ever asked for.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "cache/space_policy.h"

namespace {

using ncps::cache::SpaceLimits;
using ncps::cache::Why;

constexpr std::size_t kPaths = 20'000;  // of one generation
constexpr std::size_t kNever = ~std::size_t{0};

struct Event {
  std::uint32_t path;
  bool nar;  // or only its narinfo
};

struct Trace {
  std::vector<Event> events;
  std::vector<std::uint64_t> sizes;  // bytes, by path
};

Trace make_trace(std::size_t requests) {
  std::mt19937_64 engine(20261122);
  std::lognormal_distribution<double> size(std::log(200'000.0), 1.9);
  std::uniform_real_distribution<double> uniform(0, 1);
  Trace trace;
  auto fresh = [&] {
    trace.sizes.push_back(static_cast<std::uint64_t>(std::min(size(engine), 2e9)) + 500);
    return static_cast<std::uint32_t>(trace.sizes.size() - 1);
  };
  std::vector<double> cumulated;
  double sum = 0;
  for (std::size_t i = 0; i < kPaths; ++i) cumulated.push_back(sum += 1 / std::pow(i + 1.0, 0.9));
  std::vector<std::uint32_t> now(kPaths), before(kPaths);
  for (auto& path : now) path = fresh();
  before = now;
  const auto bump_every = requests / 20;
  for (std::size_t i = 0; i < requests; ++i) {
    if (i != 0 && i % bump_every == 0) {
      before = now;
      for (auto& path : now)
        if (uniform(engine) < 0.3) path = fresh();
    }
    auto at = std::lower_bound(cumulated.begin(), cumulated.end(), uniform(engine) * sum);
    auto rank = static_cast<std::size_t>(at - cumulated.begin());
    bool stays_behind = uniform(engine) < 0.1;
    trace.events.push_back(
        {.path = (stays_behind ? before : now)[rank], .nar = uniform(engine) < 0.3});
  }
  return trace;
}

// Keys of what is kept, in the order in which it goes: ours and LRU by the last use, the bound by
// the next one.
class Cache {
 public:
  Cache(const Trace& trace, std::uint64_t limit) : trace_(trace), limit_(limit) {}

  bool has(std::uint32_t path) const { return key_.contains(path); }
  void place(std::uint32_t path, std::size_t key) {
    remove(path);
    key_[path] = key;
    order_.emplace(key, path);
    kept_ += trace_.sizes[path];
  }
  void move(std::uint32_t path, std::size_t key) {
    if (has(path)) place(path, key);
  }
  void remove(std::uint32_t path) {
    auto it = key_.find(path);
    if (it == key_.end()) return;
    order_.erase({it->second, path});
    key_.erase(it);
    kept_ -= trace_.sizes[path];
  }
  // The smallest keys go, until `bytes` are free.
  void evict(std::uint64_t bytes) {
    auto goal = kept_ - std::min(kept_, bytes);
    while (kept_ > goal) remove(order_.begin()->second);
  }
  std::uint64_t limit() const { return limit_; }
  std::uint64_t kept() const { return kept_; }

 private:
  const Trace& trace_;
  const std::uint64_t limit_;
  std::map<std::uint32_t, std::size_t> key_;
  std::set<std::pair<std::size_t, std::uint32_t>> order_;
  std::uint64_t kept_ = 0;
};

struct Score {
  std::uint64_t asked = 0, here = 0, rounds = 0;
  double rate() const { return 100.0 * static_cast<double>(here) / static_cast<double>(asked); }
};

enum class Policy : std::uint8_t { ours, lru, next_use, everything };

// For each NAR event the next one of its path; kNever: none.
std::vector<std::size_t> next_uses(const Trace& trace) {
  std::vector<std::size_t> next(trace.events.size(), kNever), last(trace.sizes.size(), kNever);
  for (std::size_t i = trace.events.size(); i-- > 0;) {
    if (!trace.events[i].nar) continue;
    next[i] = last[trace.events[i].path];
    last[trace.events[i].path] = i;
  }
  return next;
}

Score replay(const Trace& trace, const std::vector<std::size_t>& next, std::uint64_t limit,
             Policy policy) {
  Cache cache(trace, limit);
  const SpaceLimits limits{.max_size = limit, .min_free = {}};
  Score score;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    auto [path, nar] = trace.events[i];
    auto size = trace.sizes[path];
    auto key = policy == Policy::next_use ? kNever - next[i] : i;  // the farthest goes first
    if (!nar) {
      if (policy == Policy::ours) cache.move(path, key);  // a narinfo that is used counts
      continue;
    }
    score.asked += size;
    if (cache.has(path)) {
      score.here += size;
      cache.place(path, key);
      continue;
    }
    if (policy != Policy::everything && size > limit) continue;
    if (policy == Policy::ours && !fits(limits, {.kept = cache.kept()}, size)) {
      cache.evict(to_free(limits, {.kept = cache.kept(), .wanted = size}, Why::needed));
      ++score.rounds;
    }
    if ((policy == Policy::lru || policy == Policy::next_use) && cache.kept() + size > limit)
      cache.evict(cache.kept() + size - limit);
    cache.place(path, key);
  }
  return score;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t requests = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  auto trace = make_trace(std::max<std::size_t>(requests, 1'000));
  auto next = next_uses(trace);
  std::uint64_t all = 0;
  std::set<std::uint32_t> paths;
  for (const auto& event : trace.events)
    if (event.nar && paths.insert(event.path).second) all += trace.sizes[event.path];
  for (unsigned percent : {5U, 10U, 20U, 40U}) {
    auto limit = all / 100 * percent;
    auto run = [&](Policy policy) { return replay(trace, next, limit, policy); };
    auto ours = run(Policy::ours);
    std::puts(
        fmt::format(R"({{"percent": {}, "limit": {}, "requests": {}, "ours": {:.2f}, )"
                    R"("lru": {:.2f}, "next_use": {:.2f}, "everything": {:.2f}, "rounds": {}}})",
                    percent, limit, trace.events.size(), ours.rate(), run(Policy::lru).rate(),
                    run(Policy::next_use).rate(), run(Policy::everything).rate(), ours.rounds)
            .c_str());
  }
}
