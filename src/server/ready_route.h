// GET and HEAD of /readyz: how we are, for operators and balancers.
//
// 200 or 503, as readiness.h decides, and JSON that says what is amiss:
//
//   {"database":"ok","leases":"ok","status":"ok","store":"ok",
//    "upstreams":{"doubtful":0,"good":2,"refused":0}}
//
// "status" is "ok", "degraded", or, with 503 and a "reason", "unready" or "draining"; "store" and
// "database" are "ok" or "does not answer", "leases" "ok" or "cannot be had", and not looked at when we are draining. Answers within Look::kPatience, or so. Thread-safe.
#pragma once

#include <atomic>

#include "db/catalog.h"
#include "http/request.h"
#include "http/response.h"
#include "lock/leases.h"
#include "server/look.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::server {

class ReadyRoute {
 public:
  ReadyRoute(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
             const upstream::UpstreamSet& upstreams, const lock::Leases* leases = nullptr);

  boost::asio::awaitable<http::Response> answer();

  // From now on we are about to stop.
  void drain() noexcept { draining_ = true; }

  // Waits for looks that are under way. Blocks: not from an io thread.
  bool stop(Deadline deadline);

 private:
  const upstream::UpstreamSet& upstreams_;
  const lock::Leases* leases_;  // nullptr: nobody is asked for any
  Look store_, database_;
  std::atomic<bool> draining_ = false;
};

}  // namespace ncps::server
