#include "app/application.h"

#include "config/version.h"
#include "fetch/curl/curl_client.h"
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

}  // namespace

Application::Application(const config::ServeOptions& options,
                         std::unique_ptr<storage::BlobStore> store,
                         std::unique_ptr<db::Catalog> catalog,
                         std::unique_ptr<db::Inventory> inventory, Runtime& runtime, Pool& disk,
                         Pool& cpu, const nix::SecretKey& key)
    : store_(std::move(store)),
      catalog_(std::move(catalog)),
      inventory_(std::move(inventory)),
      client_(fetch::make_curl_client({.user_agent = "ncps/" + std::string(config::kVersion)})),
      key_(key),
      upstreams_(make_upstreams(options, *client_)),
      trust_(make_trust(options, key)),
      downloads_(runtime,
                 {.store = *store_, .catalog = *catalog_, .disk = disk, .cpu = cpu, .policy = {}},
                 {}),
      nars_(*store_, *catalog_, upstreams_, downloads_,
            [this](nix::StorePathHash hash, Deadline deadline) {
              return bring_narinfo(hash, deadline);
            }),
      narinfos_(runtime, *store_, *catalog_, upstreams_, downloads_, cpu, trust_,
                narinfo_policy(options)),
      objects_(runtime, {.store = *store_,
                         .upstreams = upstreams_,
                         .narinfos = narinfos_,
                         .nars = nars_,
                         .disk = disk,
                         .cpu = cpu}),
      uses_(runtime, *catalog_),
      counts_(runtime, *inventory_),
      scrub_(runtime, {.store = *store_, .inventory = *inventory_, .cpu = cpu},
             {.schedule = options.scrub_schedule, .bytes_per_second = options.scrub_rate}),
      narinfo_routes_(narinfos_, uses_, kHotNarInfoBytes, audience(options)),
      nar_routes_(nars_, uses_, audience(options)),
      object_routes_(objects_, audience(options)),
      router_({options.hostname, key.public_key()}, {*catalog_, upstreams_}, narinfo_routes_,
              nar_routes_, object_routes_, reader_token(options), &counts_),
      watch_(runtime, upstreams_) {}

Task<void> Application::bring_narinfo(nix::StorePathHash hash, Deadline deadline) {
  CO_TRY(co_await narinfos_.find(hash, cache::Asked::by_head, deadline));
  co_return Result<void>();
}

void Application::start() {
  watch_.start();
  uses_.start();
  counts_.start();
  scrub_.start();
}

void Application::use(const config::ServeOptions& options) {
  upstreams_.replace(make_upstreams(options, *client_));
  watch_.follow();
  trust_.replace(make_trust(options, key_));
  narinfos_.use(narinfo_policy(options));
  narinfo_routes_.forget_all();
}

void Application::cut_off() {
  client_->stop();
  store_->cut_off();
  downloads_.cut_off();
  objects_.cut_off();
}

bool Application::stop(Deadline grace) {
  auto at_once = Deadline::after(std::chrono::seconds(0));
  watch_.stop(at_once);  // no new probe
  scrub_.stop(at_once);
  // Objects first: they ask for narinfos and NARs. Then narinfos: they begin downloads.
  auto all_stop = [&](Deadline by) {
    return objects_.stop(by) && narinfos_.stop(by) && downloads_.stop(by);
  };
  if (!all_stop(grace)) {
    store_->cut_off();
    downloads_.cut_off();
  }
  client_->stop();  // what is left now is a probe, or had its time
  auto last = Deadline::after(kUnwind);
  return all_stop(last) && watch_.stop(last) && uses_.stop(last) && counts_.stop(last) &&
         scrub_.stop(last);
}

}  // namespace ncps::app
