#include "app/application.h"

#include <algorithm>

#include "config/version.h"
#include "fetch/curl/curl_client.h"
#include "lock/measured_leases.h"
#include "storage/free_space.h"
#include "telemetry/process_metrics.h"
#include "telemetry/prometheus/exposition.h"

namespace ncps::app {
namespace {

constexpr auto kUnwind =
    std::chrono::seconds(10);                    // for what is left to notice that it was cut off
constexpr auto kDisk = std::chrono::seconds(5);  // for a disk that is slow; longer within the grace
constexpr std::size_t kHotNarInfoBytes = 64 << 20;
// Where there are other instances: what these remove or change is given so long at most.
constexpr std::chrono::seconds kHotNarInfoLasts{60};

// Offline there is nobody to ask: what is not here is confirmed to be nowhere.
std::vector<upstream::HttpUpstreamOptions> upstream_options(const config::ServeOptions& options) {
  std::vector<upstream::HttpUpstreamOptions> list;
  if (options.offline) return list;
  for (const auto& url : options.upstreams) {
    fetch::HttpTimeouts timeouts{.connect = options.dialer_timeout,
                                 .head = options.response_header_timeout,
                                 .stall = options.stall_timeout};
    auto netrc = options.netrc_file ? options.netrc_file->native() : std::string();
    list.push_back({.url = url,
                    .timeouts = timeouts,
                    .retry = {},
                    .netrc_file = netrc,
                    .most_narinfo_bytes = options.max_narinfo_size,
                    .elsewhere = options.elsewhere});
  }
  return list;
}

cache::Trust make_trust(const config::ServeOptions& options, std::vector<nix::SecretKey> keys) {
  if (!options.sign_narinfo) keys.clear();
  return {.upstream_keys = options.upstream_keys,
          .signing_keys = std::move(keys),
          .sign_unverified = options.sign_unverified,
          .upload_keys = options.upload_keys,
          .sign_uploads = options.sign_uploads};
}

server::FixedRoutes fixed_routes(const std::string& hostname,
                                 const std::vector<nix::SecretKey>& keys) {
  std::vector<nix::PublicKey> known;
  known.reserve(keys.size());
  for (const auto& key : keys) known.push_back(key.public_key());
  return {hostname, known};
}

cache::NarInfoPolicy narinfo_policy(const config::ServeOptions& options) {
  return {.prefetch = {.nars = options.prefetch_nars, .narinfos = options.prefetch_narinfos},
          .missing_for = options.negative_ttl};
}

cache::UploadPolicy upload_policy(const config::ServeOptions& options) {
  return {.require_signature = options.require_trusted_signature,
          .require_references = options.require_references};
}

server::WritePolicy write_policy(const config::ServeOptions& options) {
  return {.put = options.allow_put,
          .remove = options.allow_delete,
          .most_nar_bytes = options.max_upload_size,
          .most_narinfo_bytes = options.max_narinfo_size};
}

cache::DownloadLimits download_limits(const config::ServeOptions& options) {
  return {.running = options.max_downloads,
          .prefetching = std::max<std::size_t>(1, options.max_downloads / 2),
          .queued_clients = options.max_queued_downloads,
          .queued_prefetches = options.max_queued_downloads};
}

server::Certificates certificates(const config::ServeOptions& options) {
  return options.certificates_required ? server::Certificates::required
                                       : server::Certificates::optional;
}

cache::SpaceLimits space_limits(const config::ServeOptions& options) {
  return {.max_size = options.max_size,
          .min_free = {.bytes = options.min_free_bytes, .percent = options.min_free_percent}};
}

peer::PeerSecret peer_secret(const config::ServeOptions& options,
                             const std::vector<nix::SecretKey>& keys) {
  if (!options.peer_secret.empty()) return peer::PeerSecret(options.peer_secret);
  if (keys.empty()) return peer::PeerSecret("");
  return peer::PeerSecret::derived_from(keys.front());
}

// A bucket has no file system of its own.
cache::DiskProbe disk_probe(const config::ServeOptions& options, Pool& disk) {
  if (options.storage_s3) return {};
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): its owner awaits it
  auto probe = [root = options.storage_local, &disk]() -> Task<std::optional<storage::FreeSpace>> {
    auto work = [&] { return storage::free_space(root); };
    co_return co_await offload(disk, std::move(work));
  };
  return probe;
}

server::MetricsRoute::Text metrics_text(const config::ServeOptions& options,
                                        const metrics::Registry& registry) {
  if (!options.prometheus) return {};
  return {.render = [&registry] { return metrics::prometheus_text(registry.picture()); },
          .type = metrics::kPrometheusType};
}

}  // namespace

Application::Application(const config::ServeOptions& options,
                         std::unique_ptr<storage::BlobStore> store, db::Database database,
                         std::unique_ptr<db::Inventory> inventory,
                         std::unique_ptr<lock::Leases> leases, Runtime& runtime, Pools& pools,
                         const std::vector<nix::SecretKey>& keys)
    : pools_(pools),
      leases_(lock::measured(std::move(leases),
                             lock::LeaseProbe(registry_, options.redis ? lock::Mode::distributed
                                                                       : lock::Mode::local))),
      store_(std::move(store)),
      database_(std::move(database)),
      inventory_(std::move(inventory)),
      client_(fetch::make_curl_client({.user_agent = config::user_agent()})),
      hostname_(options.hostname),
      configured_(*client_, &registry_),
      upstreams_(configured_.use(upstream_options(options))),
      trust_(make_trust(options, keys)),
      peer_secret_(peer_secret(options, keys)),
      peers_(peer::make_http_peer_reader(*client_, peer_secret_)),
      sharing_{.leases = *leases_,
               .peers = peers_.get(),
               .address = [this] { return *address_.now(); },
               .time_to_live = options.download_lease,
               .follow = {.patience = options.poll_timeout}},
      upstream_counts_(catalog_, *inventory_),
      space_(space_limits(options), disk_probe(options, pools.disk)),
      downloads_(runtime,
                 {.store = *store_,
                  .catalog = catalog_,
                  .disk = pools.disk,
                  .cpu = pools.nars,
                  .policy = {},
                  .space = &space_,
                  .sharing = &sharing_,
                  .probe = cache::DownloadProbe(registry_),
                  .counts = &upstream_counts_},
                 download_limits(options)),
      nars_(*store_, catalog_, upstreams_, downloads_,
            [this](nix::StorePathHash hash, Deadline deadline) {
              return bring_narinfo(hash, deadline);
            }),
      narinfos_(runtime, *store_, catalog_, upstreams_, downloads_, pools.cpu, trust_,
                narinfo_policy(options), options.max_narinfo_searches),
      uses_(runtime, catalog_, database_.eviction.get()),
      objects_(runtime, {.store = *store_,
                         .upstreams = upstreams_,
                         .narinfos = narinfos_,
                         .nars = nars_,
                         .disk = pools.disk,
                         .cpu = pools.nars,
                         .uses = &uses_,
                         .space = &space_}),
      permissions_(options.tokens, certificates(options)),
      upload_policy_(upload_policy(options)),
      write_policy_(write_policy(options)),
      nar_uploads_({.store = *store_,
                    .catalog = catalog_,
                    .downloads = downloads_,
                    .locks = upload_locks_,
                    .disk = pools.disk,
                    .cpu = pools.nars,
                    .space = &space_,
                    .received = registry_.counter({"ncps_upload_received_bytes_total",
                                                   "Bytes of NARs that clients have sent"})},
                   options.max_uploads, options.max_queued_uploads),
      narinfo_uploads_({.store = *store_,
                        .catalog = catalog_,
                        .narinfos = narinfos_,
                        .nars = nars_,
                        .nar_uploads = nar_uploads_,
                        .locks = upload_locks_,
                        .cpu = pools.nars,
                        .trust = trust_,
                        .policy = upload_policy_,
                        .space = &space_}),
      object_uploads_(*store_, pools.disk, &uses_, &space_),
      removal_(*store_, catalog_, upload_locks_, downloads_, narinfos_,
               [this](const nix::StorePathHash& hash) { narinfo_routes_.forget(hash); }),
      counts_(runtime, *inventory_, &upstream_counts_),
      scrub_(runtime,
             {.store = *store_,
              .inventory = *inventory_,
              .cpu = pools.nars,
              .catalog = &catalog_,
              .locks = &upload_locks_,
              .narinfos = &narinfos_,
              .forget = [this](const nix::StorePathHash& hash) { narinfo_routes_.forget(hash); }},
             {.schedule = options.scrub_schedule,
              .bytes_per_second = options.scrub_rate,
              .leases = leases_.get(),
              .lease_lasts = options.lru_lease}),
      narinfo_routes_(narinfos_, uses_, kHotNarInfoBytes, permissions_,
                      options.redis ? std::optional(kHotNarInfoLasts) : std::nullopt),
      nar_routes_(nars_, uses_, permissions_),
      object_routes_(objects_, permissions_),
      write_routes_({.nars = nar_uploads_,
                     .narinfos = narinfo_uploads_,
                     .objects = object_uploads_,
                     .removal = removal_,
                     .hot = narinfo_routes_,
                     .cpu = pools.cpu,
                     .policy = write_policy_,
                     .probe = server::UploadProbe(registry_)}),
      pin_routes_({.pins = *database_.pins,
                   .catalog = catalog_,
                   .store = *store_,
                   .narinfos = narinfos_,
                   .space = &space_,
                   .policy = write_policy_}),
      evictor_(runtime,
               {.store = *store_,
                .catalog = catalog_,
                .rows = *database_.eviction,
                .pins = *database_.pins,
                .downloads = downloads_,
                .nars = nars_,
                .narinfos = narinfos_,
                .locks = upload_locks_,
                .uses = uses_,
                .space = space_,
                .leases = *leases_,
                .forget = [this](const nix::StorePathHash& hash) { narinfo_routes_.forget(hash); },
                .lease_lasts = options.lru_lease,
                .probe = cache::EvictionProbe(registry_)}),
      served_(registry_),
      status_(runtime, {.downloads = downloads_,
                        .space = space_,
                        .upstreams = upstreams_,
                        .counted = [this] { return evictor_.counted(); },
                        .served = served_,
                        .version = std::string(config::kVersion)}),
      metrics_(metrics_text(options, registry_), pools.cpu),
      page_(status_, permissions_, std::string(config::kVersion)),
      ready_(runtime, *store_, catalog_, upstreams_, leases_.get()),
      peer_routes_(downloads_, peer_secret_),
      router_(fixed_routes(hostname_, keys), ready_, narinfo_routes_, nar_routes_, object_routes_,
              write_routes_, pin_routes_, permissions_,
              {.counts = &counts_,
               .served = served_,
               .status = &status_,
               .metrics = &metrics_,
               .page = &page_},
              options.redis ? &peer_routes_ : nullptr),
      watch_(runtime, upstreams_),
      measured_{.space = space_,
                .evictor = evictor_,
                .downloads = downloads_,
                .uploads = nar_uploads_,
                .upstreams = upstreams_,
                .client = *client_,
                .store = *store_,
                .catalog = catalog_,
                .disk = pools.disk,
                .cpu = pools.cpu,
                .nars = pools.nars,
                .served = served_},
      asked_(ask_parts(registry_, measured_)) {
  for (auto& one : metrics::ask_process(registry_)) asked_.push_back(std::move(one));
  evictor_.use(options.lru_schedule);
}

Task<void> Application::bring_narinfo(nix::StorePathHash hash, Deadline deadline) {
  CO_TRY(co_await narinfos_.find(hash, cache::Asked::by_head, deadline));
  co_return Result<void>();
}

void Application::start() {
  watch_.start();
  uses_.start();
  evictor_.start();
  counts_.start();
  scrub_.start();
  status_.start();
}

void Application::use(const config::ServeOptions& options, std::vector<nix::SecretKey> keys) {
  permissions_.use(options.tokens, certificates(options));
  router_.use(fixed_routes(hostname_, keys));
  upstreams_.replace(configured_.use(upstream_options(options)));
  watch_.follow();
  peer_secret_.replace(peer_secret(options, keys));
  trust_.replace(make_trust(options, std::move(keys)));
  upload_policy_.replace(upload_policy(options));
  write_policy_.replace(write_policy(options));
  narinfos_.use(narinfo_policy(options));
  narinfo_routes_.forget_all();
  evictor_.use(options.lru_schedule);
  space_.use(space_limits(options));  // looks at once
}

void Application::cut_off() {
  space_.stop();
  client_->stop();
  store_->cut_off();
  downloads_.cut_off();
  nar_uploads_.cut_off();
  objects_.cut_off();
}

bool Application::stop(Deadline grace) {
  auto at_once = Deadline::after(std::chrono::seconds(0));
  watch_.stop(at_once);  // no new probe
  scrub_.stop(at_once);
  status_.stop(at_once);
  // Objects first: they ask for narinfos and NARs. Then narinfos: they begin downloads.
  auto all_stop = [&](Deadline by) {
    return objects_.stop(by) && narinfos_.stop(by) && downloads_.stop(by);
  };
  if (!all_stop(grace)) {
    space_.stop();
    store_->cut_off();
    downloads_.cut_off();
  }
  space_.stop();    // nothing is left that wants room
  client_->stop();  // what is left now is a probe, or had its time
  auto last = Deadline::after(kUnwind);
  if (!all_stop(last) || !watch_.stop(last) || !evictor_.stop(last) || !uses_.stop(last) ||
      !counts_.stop(last) || !scrub_.stop(last) || !status_.stop(last) || !ready_.stop(last))
    return false;
  // Nobody waits for a call any more that a disk does not answer, but it still has its thread.
  auto patience = Deadline::after(std::max<Deadline::Clock::duration>(grace.remaining(), kDisk));
  if (all_answer(pools_.disk, Pools::kDiskThreads, patience)) return true;
  log::error("calls to the disk do not end: leaving as it is");
  return false;
}

}  // namespace ncps::app
