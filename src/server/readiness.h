// Whether a balancer should send clients here, from what is known: pure.
//
// No (503) is for what other instances may do better: we are about to stop, or our store cannot be
// read. Without the database hits go on, and an upstream that is away is away from all: a balancer
// that took out every instance because of what they share would make a small trouble a great one.
// Nor does Redis count: without it what is kept is served as ever.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ncps::server {

struct Condition {
  bool draining = false;                            // asked to stop: what comes is still answered
  bool store = true;                                // answers
  bool database = true;                             // answers
  bool leases = true;                               // can be had, as far as we know
  std::size_t good = 0, doubtful = 0, refused = 0;  // upstreams
};

struct Readiness {
  unsigned http_status;     // 200 or 503
  std::string_view status;  // "ok", "degraded", "unready", "draining"
};

constexpr Readiness readiness(const Condition& c) {
  if (c.draining) return {503, "draining"};
  if (!c.store) return {503, "unready"};
  bool well = c.database && c.leases && c.doubtful == 0 && c.refused == 0;
  return {200, well ? "ok" : "degraded"};
}

// The report of /readyz (ready_route.h).
std::string print_readiness(const Condition& condition);

}  // namespace ncps::server
