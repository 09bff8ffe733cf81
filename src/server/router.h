// From a request to the routes' answers.
#pragma once

#include "base/live.h"
#include "cache/count_log.h"
#include "http/server.h"
#include "server/fixed_routes.h"
#include "server/nar_info_routes.h"
#include "server/nar_routes.h"
#include "server/object_routes.h"
#include "server/permissions.h"
#include "server/pin_routes.h"
#include "server/ready_route.h"
#include "server/write_routes.h"

namespace ncps::server {

// Thread-safe, as its parts are. Must outlive the server that it answers for.
class Router {
 public:
  // `counts` nullptr: nothing is counted.
  Router(FixedRoutes fixed, ReadyRoute& ready, NarInfoRoutes& narinfos, NarRoutes& nars,
         ObjectRoutes& objects, WriteRoutes& writes, PinRoutes& pins,
         const Permissions& permissions, cache::CountLog* counts = nullptr)
      : fixed_(std::move(fixed)),
        ready_(ready),
        narinfos_(narinfos),
        nars_(nars),
        objects_(objects),
        writes_(writes),
        pins_(pins),
        permissions_(permissions),
        counts_(counts) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request);

  // From now on these.
  void use(FixedRoutes fixed) { fixed_.replace(std::move(fixed)); }

 private:
  // What cannot be done here at all, whoever asks; and names that are none.
  std::optional<http::Response> refusal(const http::Request& request, const Target& target) const;
  boost::asio::awaitable<http::Response> read(const http::Request& request, Target& target);

  Live<FixedRoutes> fixed_;
  ReadyRoute& ready_;
  NarInfoRoutes& narinfos_;
  NarRoutes& nars_;
  ObjectRoutes& objects_;
  WriteRoutes& writes_;
  PinRoutes& pins_;
  const Permissions& permissions_;
  cache::CountLog* counts_;
};

}  // namespace ncps::server
