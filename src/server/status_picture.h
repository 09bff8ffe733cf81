// StatusPicture: what a person wants to know about an instance now. For /status, and the front page.
//
// As JSON:
//
//   {"downloads":{"queued_clients":0,"queued_prefetches":3,"running":1,"spooled_bytes":…,
//                 "transfers":[{"bytes":…,"clients":2,"nar":"nar/…","prefetch":false,"seconds":1.5,
//                               "total_bytes":…,"upstream":"https://…"}]},
//    "kept":{"bytes":…,"limit_bytes":…,"nars":…,"narinfos":…,"objects":…},
//    "served":{"last_minute":{"narinfos":…,"narinfo_hits":…,"narinfo_hit_rate":0.9,…},
//              "last_hour":…,"last_day":…,"since_start":…},
//    "started":"2026-11-22T10:00:00Z","uptime_seconds":12.5,
//    "upstreams":[{"name":"https://…","priority":40,"standing":"good","usual_delay_seconds":0.3}],
//    "version":"…"}
//
// What nobody knows (yet) is null: the size before the first count, the limit where there is none. Pure.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cache/downloads.h"
#include "db/eviction.h"
#include "server/served_history.h"
#include "upstream/upstream.h"

namespace ncps::server {

struct StatusPicture {
  struct Upstream {
    std::string name;
    upstream::Standing standing;
    int priority;
    std::chrono::duration<double> usual_delay;
  };

  std::string version;
  std::chrono::sys_seconds started;
  std::chrono::duration<double> uptime{0};
  std::vector<Upstream> upstreams;
  std::optional<std::uint64_t> kept_bytes;   // absent: not counted yet
  std::optional<std::uint64_t> limit_bytes;  // absent: there is none
  std::optional<db::KeptTotals> counted;     // absent: not yet
  cache::Downloads::Load load;
  std::vector<cache::Downloads::Transfer> transfers;  // some of those that run
  ServedProbe::Totals since_start;
  std::array<ServedProbe::Totals, ServedHistory::kWindows.size()> within;  // in the windows' order
};

// What of all is a hit, 0 to 1; absent: nothing was asked for.
std::optional<double> hit_rate(std::uint64_t hits, std::uint64_t all);

std::string print_json(const StatusPicture& picture);

}  // namespace ncps::server
