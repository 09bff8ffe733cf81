#include "app/serve.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "app/application.h"
#include "app/open_store.h"
#include "app/signals.h"
#include "cache/signing_key.h"
#include "config/version.h"
#include "db/soci/open_catalog.h"
#include "db/soci/open_inventory.h"
#include "http/server.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr auto kGrace =
    std::chrono::seconds(30);  // for what is in flight when we are asked to stop
constexpr std::size_t kDiskThreads = 8;

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

void warn(const config::Loaded& loaded) {
  for (const auto& warning : loaded.warnings) log::warn(warning);
  const auto& options = loaded.options;
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

// All of the new options or none. What only a restart changes is still as it was at the start.
void reload(const config::Loaded& at_start, const config::Loaded& next, Application& app) {
  if (!next.mistakes.empty()) {
    for (const auto& mistake : next.mistakes)
      log::error("wrong option, the old ones stay in force", {{"mistake", mistake}});
    return;
  }
  warn(next);
  for (const auto& flag : config::need_restart(at_start.values, next.values)) {
    log::warn("a new value needs a restart", {{"option", flag}});
  }
  log::set_level(next.options.log_level);
  app.use(next.options);
  log::info("new options are in force", {{"upstreams", next.options.upstreams.size()},
                                         {"offline", next.options.offline},
                                         {"upstream_keys", next.options.upstream_keys.size()}});
}

int run(http::Server& server, Application& app, const config::Loaded& at_start,
        const std::function<config::Loaded()>& read_options) {
  int number = 0;
  while ((number = wait_for_signal()) == SIGHUP) reload(at_start, read_options(), app);
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

int serve(config::Loaded loaded, const std::function<config::Loaded()>& read_options) {
  const auto& options = loaded.options;
  raise_descriptor_limit();
  warn(loaded);
  Runtime runtime(cores());
  Pool disk(kDiskThreads), cpu(cores());

  auto store = open_store(options, storage::Access::write, runtime, disk, cpu);
  if (!store) return cannot_start(store.error());
  auto catalog = db::open_catalog(options.database, options.database_pool);
  if (!catalog) return cannot_start(catalog.error());
  auto inventory = db::open_inventory(options.database, db::InventoryAccess::write);
  if (!inventory) return cannot_start(inventory.error());
  auto key = signing_key(options, runtime, **store);
  if (!key) return cannot_start(key.error());

  Application app(options, std::move(*store), std::move(*catalog), std::move(*inventory), runtime,
                  disk, cpu, *key);
  auto handler = [&app](const http::Request& request) { return app.answer(request); };
  auto server = http::Server::start(runtime, disk, {.address = options.listen}, handler);
  if (!server) return cannot_start(server.error());
  log::info("listening", {{"addr", (*server)->address().str()},
                          {"hostname", options.hostname},
                          {"public_key", key->public_key().str()},
                          {"upstreams", options.upstreams.size()},
                          {"version", config::kVersion}});
  app.start();
  int status = run(**server, app, loaded, read_options);
  // Something that did not end may still use what would be destroyed now: leave it to the system.
  if (status != 0) {
    log::stop();
    std::_Exit(status);
  }
  return status;
}

}  // namespace ncps::app
