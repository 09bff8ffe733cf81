#include "server/ready_route.h"

#include <nlohmann/json.hpp>

#include "telemetry/log.h"

namespace ncps::server {

boost::asio::awaitable<http::Response> ReadyRoute::answer() {
  auto database = co_await catalog_.check();
  if (!database) log::warn("the database does not answer", {{"error", database.error().what()}});

  std::size_t good = 0, doubtful = 0, refused = 0;
  for (const auto& upstream : *upstreams_.now()) {
    switch (upstream->standing()) {
      case upstream::Standing::good: ++good; break;
      case upstream::Standing::doubtful:
      case upstream::Standing::trying: ++doubtful; break;
      case upstream::Standing::refused: ++refused; break;
    }
  }
  bool well = database.has_value() && doubtful == 0 && refused == 0;
  nlohmann::json report = {
      {"status", well ? "ok" : "degraded"},
      {"database", database ? "ok" : "does not answer"},
      {"upstreams", {{"good", good}, {"doubtful", doubtful}, {"refused", refused}}}};
  http::Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = report.dump() + '\n';
  co_return response;
}

}  // namespace ncps::server
