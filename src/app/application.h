// Application: everything that serves, put together.
//
// Built top to bottom, destroyed bottom to top: a pool is joined after all that uses it is gone,
// and before the loops that it posts to.
#pragma once

#include <memory>

#include "app/gauges.h"
#include "base/live.h"
#include "cache/count_log.h"
#include "cache/evictor.h"
#include "cache/nar_info_service.h"
#include "cache/nar_info_upload.h"
#include "cache/nar_service.h"
#include "cache/nar_upload.h"
#include "cache/object_service.h"
#include "cache/object_upload.h"
#include "cache/removal.h"
#include "cache/scrub.h"
#include "cache/use_log.h"
#include "config/serve_options.h"
#include "db/database.h"
#include "fetch/http_client.h"
#include "lock/leases.h"
#include "peer/http_peer_reader.h"
#include "server/router.h"
#include "upstream/configured_upstreams.h"
#include "upstream/health_watch.h"

namespace ncps::app {

class Application {
 public:
  // Runtime and pools must outlive it.
  Application(const config::ServeOptions& options, std::unique_ptr<storage::BlobStore> store,
              db::Database database, std::unique_ptr<db::Inventory> inventory,
              std::unique_ptr<lock::Leases> leases, Runtime& runtime, Pools& pools,
              const std::vector<nix::SecretKey>& keys);

  boost::asio::awaitable<http::Response> answer(const http::Request& request) {
    return router_.answer(request);
  }

  // Begins what runs beside requests: probes of the upstreams, notes of what was used and served,
  // the scrub. Waits for nobody.
  void start();

  // Other instances reach us there; empty: nowhere.
  void reached_at(std::string url) { address_.replace(std::move(url)); }

  // Puts into force what can change while we serve: upstreams, keys, signing, tokens. From the
  // thread that called start().
  void use(const config::ServeOptions& options, std::vector<nix::SecretKey> keys);

  storage::BlobStore& store() noexcept { return *store_; }
  metrics::Registry& registry() noexcept { return registry_; }

  // From now on /readyz says that we are about to stop; all is served as ever.
  void drain() noexcept { ready_.drain(); }

  // The grace is over: whatever still waits fails now.
  void cut_off();

  // Ends what still runs, in the grace that is left or by force; false if something does not end.
  bool stop(Deadline grace);

 private:
  Task<void> bring_narinfo(nix::StorePathHash hash, Deadline deadline);

  Pools& pools_;
  metrics::Registry registry_;
  std::unique_ptr<lock::Leases> leases_;
  std::unique_ptr<storage::BlobStore> store_;
  db::Database database_;
  db::Catalog& catalog_ = *database_.catalog;
  std::unique_ptr<db::Inventory> inventory_;
  std::unique_ptr<fetch::HttpClient> client_;
  std::string hostname_;  // that of the start: another one needs a restart
  upstream::ConfiguredUpstreams configured_;
  upstream::UpstreamSet upstreams_;
  Live<cache::Trust> trust_;
  Live<std::string> address_{std::string()};
  Live<peer::PeerSecret> peer_secret_;
  std::unique_ptr<peer::PeerReader> peers_;
  cache::Sharing sharing_;
  cache::UpstreamCounts upstream_counts_;
  cache::Space space_;
  cache::Downloads downloads_;
  cache::NarService nars_;
  cache::NarInfoService narinfos_;
  cache::UseLog uses_;
  cache::ObjectService objects_;
  server::Permissions permissions_;
  Live<cache::UploadPolicy> upload_policy_;
  Live<server::WritePolicy> write_policy_;
  cache::UploadLocks upload_locks_;
  cache::NarUploads nar_uploads_;
  cache::NarInfoUploads narinfo_uploads_;
  cache::ObjectUploads object_uploads_;
  cache::Removal removal_;
  cache::CountLog counts_;
  cache::Scrub scrub_;
  server::NarInfoRoutes narinfo_routes_;
  server::NarRoutes nar_routes_;
  server::ObjectRoutes object_routes_;
  server::WriteRoutes write_routes_;
  server::PinRoutes pin_routes_;
  cache::Evictor evictor_;
  server::ServedProbe served_;
  server::StatusRoute status_;
  server::MetricsRoute metrics_;
  server::FrontPageRoute page_;
  server::ReadyRoute ready_;
  server::PeerRoutes peer_routes_;
  server::Router router_;
  upstream::HealthWatch watch_;
  MeasuredParts measured_;
  std::vector<metrics::Registry::Asked> asked_;
};

}  // namespace ncps::app
