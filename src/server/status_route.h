// GET of /status: what a person wants to know about this instance now, as JSON.
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
// What nobody knows (yet) is null: the size before the first count, the limit where there is none.
// Nothing is asked of the database. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "base/guarded.h"
#include "cache/downloads.h"
#include "cache/space.h"
#include "db/eviction.h"
#include "http/response.h"
#include "server/served_history.h"

namespace ncps::server {

struct StatusDeps {
  const cache::Downloads& downloads;
  const cache::Space& space;
  const upstream::UpstreamSet& upstreams;
  std::function<std::optional<db::KeptTotals>()> counted;  // nullopt: not yet
  ServedProbe served;
  std::string version;
};

class StatusRoute {
 public:
  static constexpr std::size_t kTransfers = 100;  // named in one answer

  StatusRoute(Runtime& runtime, StatusDeps deps) : runtime_(runtime), deps_(std::move(deps)) {}

  http::Response answer() const;

  // Begins to remember what was served when.
  void start();

  // Blocks: not from an io thread. False: it has not ended by then.
  bool stop(Deadline deadline);

 private:
  boost::asio::awaitable<void> look_again_and_again();

  Runtime& runtime_;
  const StatusDeps deps_;
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  const ServedHistory::Time began_ = std::chrono::steady_clock::now();
  Guarded<ServedHistory> history_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
  TaskGroup group_;
};

}  // namespace ncps::server
