#include "app/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <thread>

#include "app/signals.h"
#include "cache/nar_info_service.h"
#include "cache/nar_service.h"
#include "cache/signing_key.h"
#include "config/version.h"
#include "db/soci/sqlite_catalog.h"
#include "http/server.h"
#include "rt/block_on.h"
#include "server/router.h"
#include "storage/local/local_blob_store.h"
#include "upstream/curl/curl_client.h"
#include "upstream/http_upstream.h"

namespace ncps::app {
namespace {

constexpr auto kGrace =
    std::chrono::seconds(30);  // for what is in flight when we are asked to stop
constexpr auto kUnwind =
    std::chrono::seconds(10);  // for what is left to notice that it was cut off
constexpr std::size_t kDiskThreads = 8;
constexpr std::size_t kHotNarInfoBytes = 64 << 20;

std::size_t cores() {
  return std::max(1U, std::thread::hardware_concurrency());
}

// Many connections need many descriptors: take what the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

upstream::UpstreamSet make_upstreams(const config::ServeOptions& options,
                                     upstream::HttpClient& client) {
  upstream::UpstreamSet set;
  for (const auto& url : options.upstreams) {
    add(set, make_http_upstream({.url = url, .timeouts = {}, .retry = {}}, client));
  }
  return set;
}

// Everything that serves. Built top to bottom, destroyed bottom to top: a pool is joined after all
// that uses it is gone, and before the loops that it posts to.
struct Application {
  Application(const config::ServeOptions& options, std::unique_ptr<storage::BlobStore> opened_store,
              std::unique_ptr<db::Catalog> opened_catalog, Runtime& runtime, Pool& disk, Pool& cpu,
              const nix::SecretKey& key)
      : store(std::move(opened_store)),
        catalog(std::move(opened_catalog)),
        client(upstream::make_curl_client({.user_agent = "ncps/" + std::string(config::kVersion)})),
        upstreams(make_upstreams(options, *client)),
        downloads(runtime,
                  {.store = *store, .catalog = *catalog, .disk = disk, .cpu = cpu, .policy = {}},
                  {}),
        nars(*store, *catalog, upstreams, downloads),
        narinfos(runtime, *store, *catalog, upstreams, downloads, cpu, trust(options, key)),
        narinfo_routes(narinfos, kHotNarInfoBytes),
        nar_routes(nars),
        router({options.hostname, key.public_key()}, narinfo_routes, nar_routes) {}

  static cache::Trust trust(const config::ServeOptions& options, const nix::SecretKey& key) {
    return {.upstream_keys = options.upstream_keys,
            .signing_key = options.sign_narinfo ? std::optional(key) : std::nullopt,
            .sign_unverified = options.sign_unverified};
  }

  // The grace is over: whatever still waits fails now.
  void cut_off() {
    client->stop();
    downloads.cut_off();
  }

  // Ends what still runs, in the grace that is left or by force; false if something does not end.
  // narinfos first: they begin downloads.
  bool stop(Deadline grace) {
    if (narinfos.stop(grace) && downloads.stop(grace)) return true;
    cut_off();
    auto last = Deadline::after(kUnwind);
    return narinfos.stop(last) && downloads.stop(last);
  }

  std::unique_ptr<storage::BlobStore> store;
  std::unique_ptr<db::Catalog> catalog;
  std::unique_ptr<upstream::HttpClient> client;
  upstream::UpstreamSet upstreams;
  cache::Downloads downloads;
  cache::NarService nars;
  cache::NarInfoService narinfos;
  server::NarInfoRoutes narinfo_routes;
  server::NarRoutes nar_routes;
  server::Router router;
};

void warn_of_what_is_unsafe(const config::ServeOptions& options) {
  if (!options.upstream_keys.empty()) return;
  log::warn(
      "no --cache-upstream-public-key: NOTHING IS VERIFIED, whatever an upstream sends is passed "
      "on",
      {{"signed", options.sign_narinfo && options.sign_unverified}});
}

Result<nix::SecretKey> signing_key(const config::ServeOptions& options, Runtime& runtime,
                                   storage::BlobStore& store) {
  if (options.secret_key) return *options.secret_key;
  return block_on(runtime, cache::load_signing_key(store, options.hostname));
}

int cannot_start(const Error& error) {
  log::error("cannot start", {{"error", error.what()}});
  log::stop();
  std::fprintf(stderr, "ncps: cannot start: %s\n", error.what().c_str());
  return 1;
}

int run(http::Server& server, Application& app) {
  auto number = wait_for_stop();
  leave_at_next_signal();
  auto grace = Deadline::after(kGrace);
  log::info("stopping: finishing what is in flight; a second signal ends it at once",
            {{"signal", number}, {"connections", server.connections()}, {"grace", kGrace.count()}});
  server.drain(grace, [&] { app.cut_off(); });
  bool clean = app.stop(grace);
  log::info("stopped", {{"clean", clean}});
  return clean ? 0 : 1;
}

}  // namespace

int serve(const config::ServeOptions& options) {
  raise_descriptor_limit();
  warn_of_what_is_unsafe(options);
  Runtime runtime(cores());
  Pool disk(kDiskThreads), cpu(cores());

  std::error_code ec;
  std::filesystem::create_directories(options.temp_path, ec);
  if (ec) return cannot_start(Error(ErrorKind::unavailable, "--cache-temp-path: " + ec.message()));
  auto store = storage::open_local({.root = options.storage_local}, disk);
  if (!store) return cannot_start(store.error());
  auto catalog = db::open_sqlite(options.database);
  if (!catalog) return cannot_start(catalog.error());
  auto key = signing_key(options, runtime, **store);
  if (!key) return cannot_start(key.error());

  Application app(options, std::move(*store), std::move(*catalog), runtime, disk, cpu, *key);
  auto handler = [&app](const http::Request& request) { return app.router.answer(request); };
  auto server = http::Server::start(runtime, disk, {.address = options.listen}, handler);
  if (!server) return cannot_start(server.error());
  log::info("listening", {{"addr", (*server)->address().str()},
                          {"hostname", options.hostname},
                          {"public_key", key->public_key().str()},
                          {"upstreams", app.upstreams.size()},
                          {"version", config::kVersion}});
  int status = run(**server, app);
  // Something that did not end may still use what would be destroyed now: leave it to the system.
  if (status != 0) {
    log::stop();
    std::_Exit(status);
  }
  return status;
}

}  // namespace ncps::app
