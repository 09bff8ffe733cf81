#include "server/ready_route.h"

#include "server/readiness.h"
#include "telemetry/log.h"

namespace ncps::server {

ReadyRoute::ReadyRoute(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
                       const upstream::UpstreamSet& upstreams, const lock::Leases* leases)
    : upstreams_(upstreams),
      leases_(leases),
      store_(runtime, [&store] { return store.check(); }),
      database_(runtime, [&catalog] { return catalog.check(); }) {}

boost::asio::awaitable<http::Response> ReadyRoute::answer() {
  Condition condition{.draining = draining_.load()};
  if (!condition.draining) {
    auto store = co_await store_.now();
    if (!store) log::warn("the store does not answer", {{"error", store.error().what()}});
    auto database = co_await database_.now();
    if (!database) log::warn("the database does not answer", {{"error", database.error().what()}});
    auto trouble = leases_ ? leases_->trouble() : std::string();
    if (!trouble.empty()) log::warn("no leases can be had", {{"error", trouble}});
    condition.leases = trouble.empty();
    condition.store = store.has_value();
    condition.database = database.has_value();
  }
  for (const auto& upstream : *upstreams_.now()) {
    switch (upstream->standing()) {
      case upstream::Standing::good: ++condition.good; break;
      case upstream::Standing::doubtful:
      case upstream::Standing::trying: ++condition.doubtful; break;
      case upstream::Standing::refused: ++condition.refused; break;
    }
  }
  http::Response response;
  response.status = readiness(condition).http_status;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = print_readiness(condition);
  co_return response;
}

bool ReadyRoute::stop(Deadline deadline) {
  return store_.stop(deadline) && database_.stop(deadline);
}

}  // namespace ncps::server
