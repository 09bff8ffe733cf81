#include "app/application.h"

#include "config/version.h"
#include "fetch/curl/curl_client.h"
#include "storage/free_space.h"
#include "upstream/http_upstream.h"

namespace ncps::app {
namespace {

constexpr auto kUnwind =
    std::chrono::seconds(10);  // for what is left to notice that it was cut off
constexpr std::size_t kHotNarInfoBytes = 64 << 20;

// Offline there is nobody to ask: what is not here is confirmed to be nowhere.
upstream::UpstreamList make_upstreams(const config::ServeOptions& options,
                                      fetch::HttpClient& client) {
  upstream::UpstreamList list;
  if (options.offline) return list;
  for (const auto& url : options.upstreams) {
    fetch::HttpTimeouts timeouts{.connect = options.dialer_timeout,
                                 .head = options.response_header_timeout};
    auto netrc = options.netrc_file ? options.netrc_file->native() : std::string();
    list.push_back(upstream::make_http_upstream(
        {.url = url, .timeouts = timeouts, .retry = {}, .netrc_file = netrc}, client));
  }
  return list;
}

cache::Trust make_trust(const config::ServeOptions& options, const nix::SecretKey& key) {
  return {.upstream_keys = options.upstream_keys,
          .signing_key = options.sign_narinfo ? std::optional(key) : std::nullopt,
          .sign_unverified = options.sign_unverified};
}

cache::NarInfoPolicy narinfo_policy(const config::ServeOptions& options) {
  return {.prefetch = {.nars = options.prefetch_nars, .narinfos = options.prefetch_narinfos},
          .missing_for = options.negative_ttl};
}

server::Audience audience(const config::ServeOptions& options) {
  return options.get_token.empty() ? server::Audience::everybody : server::Audience::token_holders;
}

std::optional<server::ReaderToken> reader_token(const config::ServeOptions& options) {
  if (options.get_token.empty()) return std::nullopt;
  return server::ReaderToken(options.get_token);
}

cache::SpaceLimits space_limits(const config::ServeOptions& options) {
  return {.max_size = options.max_size,
          .min_free = {.bytes = options.min_free_bytes, .percent = options.min_free_percent}};
}

// A bucket has no file system of its own.
cache::DiskProbe disk_probe(const config::ServeOptions& options, Pool& disk) {
  if (options.storage_s3) return {};
  auto probe = [root = options.storage_local, &disk]() -> Task<std::optional<storage::FreeSpace>> {
    auto work = [&] { return storage::free_space(root); };
    co_return co_await offload(disk, std::move(work));
  };
  return probe;
}

}  // namespace

Application::Application(const config::ServeOptions& options,
                         std::unique_ptr<storage::BlobStore> store, db::Database database,
                         Runtime& runtime, Pool& disk, Pool& cpu, const nix::SecretKey& key)
    : store_(std::move(store)),
      database_(std::move(database)),
      client_(fetch::make_curl_client({.user_agent = "ncps/" + std::string(config::kVersion)})),
      key_(key),
      upstreams_(make_upstreams(options, *client_)),
      trust_(make_trust(options, key)),
      space_(space_limits(options), disk_probe(options, disk)),
      downloads_(runtime,
                 {.store = *store_,
                  .catalog = catalog_,
                  .disk = disk,
                  .cpu = cpu,
                  .policy = {},
                  .space = &space_},
                 {}),
      nars_(*store_, catalog_, upstreams_, downloads_,
            [this](nix::StorePathHash hash, Deadline deadline) {
              return bring_narinfo(hash, deadline);
            }),
      narinfos_(runtime, *store_, catalog_, upstreams_, downloads_, cpu, trust_,
                narinfo_policy(options)),
      uses_(runtime, catalog_, database_.eviction.get()),
      objects_(runtime, {.store = *store_,
                         .upstreams = upstreams_,
                         .narinfos = narinfos_,
                         .nars = nars_,
                         .disk = disk,
                         .cpu = cpu,
                         .uses = &uses_,
                         .space = &space_}),
      narinfo_routes_(narinfos_, uses_, kHotNarInfoBytes, audience(options)),
      nar_routes_(nars_, uses_, audience(options)),
      object_routes_(objects_, audience(options)),
      pin_routes_({.pins = *database_.pins,
                   .catalog = catalog_,
                   .store = *store_,
                   .narinfos = narinfos_,
                   .allowed = options.allow_put}),
      router_({options.hostname, key.public_key()}, {catalog_, upstreams_}, narinfo_routes_,
              nar_routes_, object_routes_, pin_routes_, reader_token(options)),
      watch_(runtime, upstreams_),
      evictor_(runtime, {.store = *store_,
                         .catalog = catalog_,
                         .rows = *database_.eviction,
                         .pins = *database_.pins,
                         .downloads = downloads_,
                         .nars = nars_,
                         .narinfos = narinfos_,
                         .uses = uses_,
                         .space = space_,
                         .lease = lease_,
                         .forget = [this](const nix::StorePathHash& hash) {
                           narinfo_routes_.forget(hash);
                         }}) {
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
}

void Application::use(const config::ServeOptions& options) {
  upstreams_.replace(make_upstreams(options, *client_));
  watch_.follow();
  trust_.replace(make_trust(options, key_));
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
  objects_.cut_off();
}

bool Application::stop(Deadline grace) {
  watch_.stop(Deadline::after(std::chrono::seconds(0)));  // no new probe
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
  return all_stop(last) && watch_.stop(last) && evictor_.stop(last) && uses_.stop(last);
}

}  // namespace ncps::app
