#include "server/readiness.h"

#include <nlohmann/json.hpp>

namespace ncps::server {

std::string print_readiness(const Condition& c) {
  nlohmann::json report = {
      {"status", readiness(c).status},
      {"upstreams", {{"good", c.good}, {"doubtful", c.doubtful}, {"refused", c.refused}}}};
  if (c.draining) {
    report["reason"] = "this instance is about to stop";
    return report.dump() + '\n';
  }
  report["store"] = c.store ? "ok" : "does not answer";
  report["database"] = c.database ? "ok" : "does not answer";
  report["leases"] = c.leases ? "ok" : "cannot be had";
  if (!c.store) report["reason"] = "the store cannot be read from here";
  return report.dump() + '\n';
}

}  // namespace ncps::server
