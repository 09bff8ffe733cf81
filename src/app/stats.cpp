#include "app/stats.h"

#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "app/keeping.h"
#include "base/byte_size.h"
#include "cache/served_counts.h"
#include "cache/upstream_counts.h"
#include "db/soci/open_inventory.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr int kCouldNot = 2;
constexpr std::size_t kDays = 30;

struct Stats {
  db::Totals totals;
  std::vector<db::DailyCount> counts;
  std::vector<db::UpstreamCount> traffic;
};

Result<Stats> read(const config::ServeOptions& options) {
  Runtime runtime(1);
  TRY(auto inventory, db::open_inventory(options.database, db::InventoryAccess::read));
  TRY(auto totals, block_on(runtime, inventory->totals()));
  TRY(auto counts, block_on(runtime, inventory->counts(kDays)));
  TRY(auto traffic, block_on(runtime, inventory->upstream_counts(kDays)));
  return Stats{
      .totals = std::move(totals), .counts = std::move(counts), .traffic = std::move(traffic)};
}

std::map<std::string, std::vector<db::DailyCount>> by_day(const Stats& stats) {
  std::map<std::string, std::vector<db::DailyCount>> days;
  for (const auto& count : stats.counts) days[count.day].push_back(count);
  return days;
}

// What the upstream's column says of what was found in the store.
std::string origin(const std::string& upstream) {
  return upstream.empty() ? "(found in the store, or uploaded)" : upstream;
}

nlohmann::json as_json(const cache::Served& served) {
  return {{"narinfos", served.narinfos},
          {"narinfo_hits", served.narinfo_hits},
          {"narinfos_missing", served.narinfos_missing},
          {"nars", served.nars},
          {"nar_hits", served.nar_hits},
          {"bytes", served.bytes},
          {"bytes_saved", served.bytes_saved}};
}

nlohmann::json as_json(const std::vector<db::ListedNar>& nars) {
  auto list = nlohmann::json::array();
  for (const auto& one : nars)
    list.push_back({{"nar", one.nar.url.str()},
                    {"bytes", one.nar.size},
                    {"created", db::print_time(one.created)},
                    {"used", db::print_time(one.used)}});
  return list;
}

void print_json(const Stats& stats) {
  auto upstreams = nlohmann::json::array();
  for (const auto& one : stats.totals.upstreams)
    upstreams.push_back({{"upstream", one.upstream},
                         {"announced", one.announced},
                         {"at_rest", one.at_rest},
                         {"bytes", one.bytes}});
  auto days = nlohmann::json::object();
  for (const auto& [day, counts] : by_day(stats)) days[day] = as_json(cache::add_up(counts));
  auto growth = nlohmann::json::array();
  for (const auto& day : stats.totals.days)
    growth.push_back({{"day", day.day}, {"nars", day.nars}, {"bytes", day.bytes}});
  auto traffic = nlohmann::json::object();
  for (const auto& one : stats.traffic)
    traffic[one.upstream][one.name] = {{"nars", one.number}, {"bytes", one.bytes}};
  nlohmann::json all = {{"narinfos", stats.totals.narinfos},
                        {"upstreams", upstreams},
                        {"served", as_json(cache::add_up(stats.counts))},
                        {"days", days},
                        {"traffic", traffic},
                        {"growth", growth},
                        {"largest", as_json(stats.totals.largest)},
                        {"oldest", as_json(stats.totals.oldest)}};
  std::printf("%s\n", all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_served(const cache::Served& served) {
  fmt::print("  narinfos served: {}, {:.1f}% of them hits; asked for, but nowhere: {}\n",
             served.narinfos, 100 * cache::rate(served.narinfo_hits, served.narinfos),
             served.narinfos_missing);
  fmt::print("  NARs served: {}, {:.1f}% of them hits; {}, of which {} came from no upstream\n",
             served.nars, 100 * cache::rate(served.nar_hits, served.nars),
             print_byte_size(served.bytes), print_byte_size(served.bytes_saved));
}

void print_traffic(const std::vector<db::UpstreamCount>& traffic) {
  std::map<std::string, std::map<std::string, db::UpstreamCount>> by_upstream;
  for (const auto& one : traffic) by_upstream[one.upstream][one.name] = one;
  if (!traffic.empty()) fmt::print("NARs by the upstream that they came from, in these days:\n");
  for (auto& [upstream, counts] : by_upstream) {
    auto said = [&](std::string_view name) {
      const auto& one = counts[std::string(name)];
      return fmt::format("{} ({})", one.number, print_byte_size(one.bytes));
    };
    fmt::print("  {}: {} fetched, {} served, {} saved\n", origin(upstream), said(cache::kFetched),
               said(cache::kServed), said(cache::kSaved));
  }
}

void print_text(const Stats& stats) {
  const auto& totals = stats.totals;
  std::uint64_t nars = 0, bytes = 0;
  for (const auto& one : totals.upstreams) {
    nars += one.at_rest;
    bytes += one.bytes;
  }
  fmt::print("kept: {} narinfos, {} NARs, {}\n", totals.narinfos, nars, print_byte_size(bytes));
  for (const auto& one : totals.upstreams)
    fmt::print("  {}: {} NARs, {}; {} announced\n", origin(one.upstream), one.at_rest,
               print_byte_size(one.bytes), one.announced);
  if (stats.counts.empty()) {
    fmt::print("served: nothing was counted yet\n");
  } else {
    auto days = by_day(stats);
    fmt::print("served, of the {} days from {} to {}:\n", days.size(), days.begin()->first,
               days.rbegin()->first);
    print_served(cache::add_up(stats.counts));
  }
  print_traffic(stats.traffic);
  if (!totals.days.empty()) fmt::print("kept, by the day on which it was announced first:\n");
  for (const auto& day : totals.days)
    fmt::print("  {}: {} NARs, {}\n", day.day, day.nars, print_byte_size(day.bytes));
  auto list = [](std::string_view what, const std::vector<db::ListedNar>& some) {
    if (!some.empty()) fmt::print("{}:\n", what);
    for (const auto& one : some)
      fmt::print("  {}: {}, used {}\n", one.nar.url.str(), print_byte_size(one.nar.size),
                 db::print_time(one.used));
  };
  list("largest", totals.largest);
  list("used longest ago", totals.oldest);
}

}  // namespace

int stats(bool json, const config::Loaded& loaded) {
  if (!usable(loaded)) return kCouldNot;
  auto stats = read(loaded.options);
  if (!stats) {
    std::fprintf(stderr, "ncps: %s\n", stats.error().what().c_str());
    return kCouldNot;
  }
  if (json)
    print_json(*stats);
  else
    print_text(*stats);
  return 0;
}

}  // namespace ncps::app
