#include "app/serve.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "app/advertise.h"
#include "app/application.h"
#include "app/observe.h"
#include "app/open_leases.h"
#include "app/open_store.h"
#include "app/pools.h"
#include "app/signals.h"
#include "app/signing_keys.h"
#include "config/version.h"
#include "db/soci/open_catalog.h"
#include "db/soci/open_inventory.h"
#include "http/server.h"
#include "rt/block_on.h"
#include "rt/heap.h"
#include "rt/service_manager.h"
#include "rt/watchdog.h"
#include "server/route_pattern.h"
#include "telemetry/span.h"

namespace ncps::app {
namespace {

constexpr auto kGrace =
    std::chrono::seconds(30);  // for what is in flight when we are asked to stop
constexpr auto kHeapEvery = std::chrono::seconds(60);   // pages that nobody uses go back
constexpr auto kSessionsEnd = std::chrono::seconds(5);  // to notice that the grace is over

// Many connections need many descriptors: take what the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::optional<std::string> variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void warn(const config::Loaded& loaded) {
  for (const auto& warning : loaded.warnings) log::warn(warning);
  const auto& options = loaded.options;
  if (!options.upstream_keys.empty()) return;
  log::warn(
      "no --cache-upstream-public-key: NOTHING IS VERIFIED, whatever an upstream sends is passed "
      "on",
      {{"signed", options.sign_narinfo && options.sign_unverified}});
}

// Who signs from now on.
void audit_keys(const config::ServeOptions& options, const std::vector<nix::SecretKey>& keys) {
  auto from = options.secret_keys.empty() ? "the storage" : "--cache-secret-key-path";
  log::info("audit", {{"action", "sign"},
                      {"keys", joined_public(keys)},
                      {"from", from},
                      {"signs", options.sign_narinfo}});
}

int cannot_start(const Error& error) {
  log::error("cannot start", {{"error", error.what()}});
  log::stop();
  std::fprintf(stderr, "ncps: cannot start: %s\n", error.what().c_str());
  return 1;
}

// All of the new options or none. What only a restart changes is still as it was at the start.
void reload(const config::Loaded& at_start, const config::Loaded& next, Runtime& runtime,
            Application& app, http::Server& server) {
  if (!next.mistakes.empty()) {
    for (const auto& mistake : next.mistakes)
      log::error("wrong option, the old ones stay in force", {{"mistake", mistake}});
    return;
  }
  if (bool(next.options.tls) != bool(server.tls())) {
    log::error("wrong option, the old ones stay in force",
               {{"mistake", "--server-tls-cert: only a restart begins or ends to speak TLS"}});
    return;
  }
  // Which protocols are spoken only a restart changes: they are offered as they were. Unchanged files
  // leave what there is, so that clients go on with their tickets.
  std::shared_ptr<const http::TlsContext> tls;
  if (next.options.tls) {
    auto made = next.options.tls->offering_as(*server.tls());
    if (!made) {
      log::error("wrong option, the old ones stay in force",
                 {{"mistake", "--server-tls-cert: " + made.error().what()}});
      return;
    }
    tls = std::move(*made);
  }
  auto keys = signing_keys(next.options, runtime, app.store());
  if (!keys) {
    log::error("no signing key, the old options stay in force", {{"error", keys.error().what()}});
    return;
  }
  warn(next);
  for (const auto& flag : config::need_restart(at_start.values, next.values)) {
    log::warn("a new value needs a restart", {{"option", flag}});
  }
  log::set_level(next.options.log_level);
  audit_keys(next.options, *keys);
  if (tls && !tls->same_as(*server.tls())) server.use_tls(std::move(tls));
  app.use(next.options, std::move(*keys));
  log::info("new options are in force", {{"upstreams", next.options.upstreams.size()},
                                         {"offline", next.options.offline},
                                         {"upstream_keys", next.options.upstream_keys.size()}});
}

http::ServerOptions server_options(const config::ServeOptions& options,
                                   std::optional<int> inherited, metrics::Registry& registry) {
  http::ServerOptions out;
  static_cast<http::ServerLimits&>(out) = options.server;
  out.proxies = options.proxies;
  out.address = options.listen;
  out.inherited = inherited;
  out.tls = options.tls;
  out.http2 = options.http2;
  out.probe = http::ServerProbe(registry);
  return out;
}

std::vector<metrics::Registry::Asked> ask_connections(metrics::Registry& registry,
                                                      const http::Server& server,
                                                      std::size_t limit) {
  std::vector<metrics::Registry::Asked> asked;
  auto now = [&server] { return static_cast<double>(server.connections()); };
  asked.push_back(registry.ask({"ncps_http_connections", "Connections of clients that are open"},
                               metrics::Type::gauge, now));
  auto most = [limit] { return static_cast<double>(limit); };
  asked.push_back(registry.ask({"ncps_http_connections_limit", "How many there may be"},
                               metrics::Type::gauge, most));
  auto expiry = [&server]() -> std::vector<metrics::Sample> {
    auto tls = server.tls();
    if (!tls) return {};
    std::chrono::duration<double> since_1970 = tls->expires().time_since_epoch();
    return {{.labels = {}, .value = since_1970.count(), .buckets = {}}};
  };
  asked.push_back(registry.ask({"ncps_tls_certificate_expires_timestamp_seconds",
                                "When our TLS certificate, or one of its chain, expires first, in "
                                "seconds since 1970; absent without TLS"},
                               metrics::Type::gauge, expiry));
  return asked;
}

// As those who supervise us show it.
std::string status_of(const http::Server& server) {
  return "listening on " + server.address().str();
}

// Balancers go elsewhere before connections are refused. The next signal ends even this at once.
void tell_balancers(Application& app, int signal, std::chrono::milliseconds delay) {
  app.drain();
  if (delay.count() == 0) return;
  log::info("draining: /readyz says 503, everything is served still",
            {{"signal", signal}, {"delay_ms", delay.count()}});
  std::this_thread::sleep_for(delay);
}

// For the name of the span.
boost::asio::awaitable<http::Response> answer_with_route(Application& app,
                                                         const http::Request& request) {
  auto response = co_await app.answer(request);
  response.route = server::route_pattern(request.path);
  co_return response;
}

int run(http::Server& server, Application& app, Runtime& runtime, const config::Loaded& at_start,
        const std::function<config::Loaded()>& read_options, const ServiceManager& manager) {
  int number = 0;
  while ((number = wait_for_signal(kHeapEvery, heap::give_back_unused)) == SIGHUP) {
    manager.reloading();
    reload(at_start, read_options(), runtime, app, server);
    manager.ready(status_of(server));
  }
  leave_at_next_signal();
  manager.stopping("finishing what is in flight");
  tell_balancers(app, number, at_start.options.drain_delay);
  auto grace = Deadline::after(kGrace);
  log::info("stopping: finishing what is in flight; a second signal ends it at once",
            {{"signal", number}, {"connections", server.connections()}, {"grace", kGrace.count()}});
  // A session that still does not end waits for a disk that does not answer: nothing else does, then.
  bool drained = server.drain(grace, [&] { app.cut_off(); }, kSessionsEnd);
  bool clean = drained && app.stop(grace);
  log::info("stopped", {{"clean", clean}});
  return clean ? 0 : 1;
}

}  // namespace

int serve(const config::Loaded& loaded, const std::function<config::Loaded()>& read_options) {
  const auto& options = loaded.options;
  auto manager = ServiceManager::find(variable, ::getpid());
  if (!manager) return cannot_start(manager.error());
  auto starting = EndWhileStarting::start();
  if (!starting) return cannot_start(starting.error());
  raise_descriptor_limit();
  warn(loaded);
  Runtime runtime(cores());
  Pools pools;
  auto& disk = pools.disk;
  auto& cpu = pools.cpu;

  auto store = open_store(options, storage::Access::write, runtime, disk, cpu);
  if (!store) return cannot_start(store.error());
  store = add_local_copies(options, std::move(*store), runtime, disk);
  if (!store) return cannot_start(store.error());
  auto database = db::open_database(options.database, options.database_pool);
  if (!database) return cannot_start(database.error());
  auto inventory = db::open_inventory(options.database, db::InventoryAccess::write);
  if (!inventory) return cannot_start(inventory.error());
  auto keys = signing_keys(options, runtime, **store);
  if (!keys) return cannot_start(keys.error());
  auto leases = open_leases(options, runtime);
  if (!leases) return cannot_start(leases.error());
  auto public_keys = joined_public(*keys);
  audit_keys(options, *keys);

  Application app(options, std::move(*store), std::move(*database), std::move(*inventory),
                  std::move(*leases), runtime, pools, *keys);
  auto observing = observe(options, app.registry());
  auto handler = [&app](const http::Request& request) {
    return trace::enabled() ? answer_with_route(app, request) : app.answer(request);
  };
  // Before the first client asks, where that can be: a download's lease tells it to the others.
  bool known = !options.advertise_url.empty() || (!manager->socket() && options.listen.port != 0);
  if (known) app.reached_at(advertised_url(options, options.listen));
  starting->stop();  // from here on there may be something in flight, and nothing takes long
  auto server = http::Server::start(
      runtime, disk, server_options(options, manager->socket(), app.registry()), handler);
  if (!server) return cannot_start(server.error());
  auto connections = ask_connections(app.registry(), **server, options.server.max_connections);
  log::info("listening", {{"addr", (*server)->address().str()},
                          {"tls", options.tls != nullptr},
                          {"hostname", options.hostname},
                          {"public_key", public_keys},
                          {"upstreams", options.upstreams.size()},
                          {"version", config::kVersion}});
  if (!known) app.reached_at(advertised_url(options, (*server)->address()));
  app.start();
  std::optional<Watchdog> watchdog;
  auto alive = [&manager] { manager->alive(); };
  if (manager->patience()) watchdog.emplace(runtime, *manager->patience(), alive);
  manager->ready(status_of(**server));
  int status = run(**server, app, runtime, loaded, read_options, *manager);
  if (observing) observing->stop();
  if (watchdog && !watchdog->stop(Deadline::after(kSessionsEnd))) status = 1;
  // Something that did not end may still use what would be destroyed now: leave it to the system.
  if (status != 0) {
    log::stop();
    std::_Exit(status);
  }
  return status;
}

}  // namespace ncps::app
