#include "cache/upstream_counts.h"

#include <algorithm>
#include <utility>
#include <vector>

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

void UpstreamCounts::count(State& state, std::string_view upstream, std::string_view name,
                           const Tally& tally) {
  std::pair key(fitting(upstream), name);
  if (!state.sums.contains(key) && state.sums.size() >= 3 * kMostUpstreams) return;
  state.sums[std::move(key)].add(tally);
}

void UpstreamCounts::fetched(std::string_view upstream, std::uint64_t bytes) {
  state_.with([&](State& s) { count(s, upstream, kFetched, {1, bytes}); });
}

void UpstreamCounts::served(const nix::NarUrl& url, std::string_view how, std::uint64_t bytes) {
  state_.with([&](State& s) {
    auto at = s.nars.find(url);
    if (at == s.nars.end()) {
      if (s.nars.size() >= kMost) return;
      at = s.nars.emplace(url, Of()).first;
    }
    at->second.served.add({1, bytes});
    if (how != "miss") at->second.saved.add({1, bytes});
  });
}

Task<void> UpstreamCounts::attribute() {
  auto nars = state_.with([](State& s) { return std::exchange(s.nars, {}); });
  while (!nars.empty()) {
    auto one = nars.extract(nars.begin());
    auto row = co_await catalog_.find_nar(one.key());
    if (!row) {  // the database is away: all of it later
      state_.with([&](State& s) {
        nars.insert(std::move(one));
        for (auto& [url, of] : nars) {
          auto& into = s.nars[url];
          into.served.add(of.served);
          into.saved.add(of.saved);
        }
      });
      co_return std::unexpected(std::move(row).error());
    }
    std::string upstream = *row ? (*row)->upstream : "";
    state_.with([&](State& s) {
      count(s, upstream, kServed, one.mapped().served);
      if (one.mapped().saved.number > 0) count(s, upstream, kSaved, one.mapped().saved);
    });
  }
  co_return Result<void>();
}

Task<void> UpstreamCounts::write() {
  using namespace std::chrono;
  auto attributed = co_await attribute();
  auto today = db::print_time(floor<seconds>(system_clock::now())).substr(0, 10);
  auto sums = state_.with([](State& s) { return std::exchange(s.sums, {}); });
  std::vector<db::UpstreamCount> counts;
  for (const auto& [key, tally] : sums)
    counts.push_back({.day = today,
                      .upstream = key.first,
                      .name = std::string(key.second),
                      .number = tally.number,
                      .bytes = tally.bytes});
  if (counts.empty()) co_return attributed;
  auto written = co_await inventory_.add_upstream_counts(std::move(counts));
  if (!written) {
    state_.with([&](State& s) {
      for (const auto& [key, tally] : sums) s.sums[key].add(tally);
    });
    co_return written;
  }
  co_return attributed;
}

}  // namespace ncps::cache
