#include "app/open_leases.h"

#include "lock/degraded_leases.h"
#include "lock/local_leases.h"
#include "lock/redis/redis_leases.h"
#include "rt/block_on.h"
#include "telemetry/log.h"

namespace ncps::app {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);

// Takes a lease that nobody needs: then everything has been tried that one asks of Redis.
void warn_if_away(lock::Leases& leases, Runtime& runtime, bool degraded) {
  lock::Ask ask{.name = "start", .time_to_live = std::chrono::seconds(10)};
  auto taken = block_on(runtime, leases.try_take(std::move(ask), Deadline::after(kPatience)));
  if (taken) return;
  log::warn(degraded
                ? "no leases from Redis: until it is there this instance goes on with its own, "
                  "and others may fetch the same"
                : "no leases from Redis: until it is there nothing new is fetched, only what is "
                  "kept is served",
            {{"error", taken.error().what()}});
}

}  // namespace

Result<std::unique_ptr<lock::Leases>> open_leases(const config::ServeOptions& options,
                                                  Runtime& runtime) {
  if (!options.redis) return std::make_unique<lock::LocalLeases>();
  auto signals = std::make_shared<lock::NamedSignals>();
  TRY(auto leases, redis::open_redis_leases(*options.redis, signals));
  warn_if_away(*leases, runtime, options.degraded_leases);
  if (!options.degraded_leases) return leases;
  return lock::make_degraded_leases(std::move(leases), std::move(signals));
}

}  // namespace ncps::app
