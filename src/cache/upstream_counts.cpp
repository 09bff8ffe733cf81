#include "cache/upstream_counts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/thread_number.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kMostUpstreams = 150;  // three names of each are one page

// As its column takes it.
std::string fitting(std::string_view upstream) {
  std::string name(upstream.substr(0, db::UpstreamCount::kMostUpstreamName));
  std::ranges::replace_if(name, [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return name;
}

}  // namespace

void UpstreamCounts::count(Sums& sums, std::string_view upstream, std::string_view name,
                           const Tally& tally) {
  std::pair key(fitting(upstream), name);
  if (!sums.contains(key) && sums.size() >= 3 * kMostUpstreams) return;
  sums[std::move(key)].add(tally);
}

void UpstreamCounts::fetched(std::string_view upstream, std::uint64_t bytes) {
  sums_.with([&](Sums& sums) { count(sums, upstream, kFetched, {1, bytes}); });
}

void UpstreamCounts::served(const nix::NarUrl& url, std::string_view how, std::uint64_t bytes) {
  nars_[thread_number() % kShards].with([&](Nars& nars) {
    auto at = nars.find(url);
    if (at == nars.end()) {
      if (nars.size() >= kMostOfThread) return;
      at = nars.emplace(url, Of()).first;
    }
    at->second.add({.served = {1, bytes}, .saved = how == "miss" ? Tally() : Tally{1, bytes}});
  });
}

// Of all threads, and forgets it.
UpstreamCounts::Nars UpstreamCounts::take_nars() {
  auto all = waiting_.with([](Nars& nars) { return std::exchange(nars, {}); });
  for (auto& shard : nars_)
    for (const auto& [url, of] : shard.with([](Nars& nars) { return std::exchange(nars, {}); }))
      all[url].add(of);
  return all;
}

void UpstreamCounts::keep_for_later(const Nars& nars) {
  waiting_.with([&](Nars& into) {
    for (const auto& [url, of] : nars)
      if (into.size() < kMostWaiting || into.contains(url)) into[url].add(of);
  });
}

Task<void> UpstreamCounts::attribute() {
  auto nars = take_nars();
  while (!nars.empty()) {
    const auto& [url, of] = *nars.begin();
    auto row = co_await catalog_.find_nar(url);
    if (!row) {  // the database is away: all of it later
      keep_for_later(nars);
      co_return std::unexpected(std::move(row).error());
    }
    std::string upstream = *row ? (*row)->upstream : "";
    sums_.with([&](Sums& sums) {
      count(sums, upstream, kServed, of.served);
      if (of.saved.number > 0) count(sums, upstream, kSaved, of.saved);
    });
    nars.erase(nars.begin());
  }
  co_return Result<void>();
}

Task<void> UpstreamCounts::write() {
  using namespace std::chrono;
  auto attributed = co_await attribute();
  auto today = db::print_time(floor<seconds>(system_clock::now())).substr(0, 10);
  auto sums = sums_.with([](Sums& all) { return std::exchange(all, {}); });
  std::vector<db::UpstreamCount> counts;
  counts.reserve(sums.size());
  for (const auto& [key, tally] : sums)
    counts.push_back({.day = today,
                      .upstream = key.first,
                      .name = std::string(key.second),
                      .number = tally.number,
                      .bytes = tally.bytes});
  if (counts.empty()) co_return attributed;
  auto written = co_await inventory_.add_upstream_counts(std::move(counts));
  if (!written) {
    sums_.with([&](Sums& all) {
      for (const auto& [key, tally] : sums) all[key].add(tally);
    });
    co_return written;
  }
  co_return attributed;
}

}  // namespace ncps::cache
