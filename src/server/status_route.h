// How this instance is now (StatusPicture), and GET of /status, which is that as JSON. Nothing is asked
// of the database. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

#include "base/guarded.h"
#include "cache/downloads.h"
#include "cache/space.h"
#include "http/response.h"
#include "server/status_picture.h"

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

  StatusPicture look() const;
  http::Response answer() const;

  // Begins to remember what was served when.
  void start();

  // Blocks: not from an io thread. False: it has not ended by then.
  bool stop(Deadline deadline);

 private:
  boost::asio::awaitable<void> look_again_and_again();

  Runtime& runtime_;
  const StatusDeps deps_;
  const std::chrono::sys_seconds started_ =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const ServedHistory::Time began_ = std::chrono::steady_clock::now();
  Guarded<ServedHistory> history_;
  std::atomic<bool> stopping_ = false;
  Signal stop_;
  TaskGroup group_;
};

}  // namespace ncps::server
