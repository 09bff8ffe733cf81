// From a request to the routes' answers.
#pragma once

#include "cache/count_log.h"
#include "http/server.h"
#include "server/fixed_routes.h"
#include "server/nar_info_routes.h"
#include "server/nar_routes.h"
#include "server/object_routes.h"
#include "server/reader_token.h"
#include "server/ready_route.h"

namespace ncps::server {

// Thread-safe, as its parts are. Must outlive the server that it answers for.
class Router {
 public:
  // With `token`, readers must send it for everything but /healthz and /readyz. `counts` nullptr:
  // nothing is counted.
  Router(FixedRoutes fixed, ReadyRoute ready, NarInfoRoutes& narinfos, NarRoutes& nars,
         ObjectRoutes& objects, std::optional<ReaderToken> token = {},
         cache::CountLog* counts = nullptr)
      : fixed_(std::move(fixed)),
        ready_(ready),
        narinfos_(narinfos),
        nars_(nars),
        objects_(objects),
        token_(std::move(token)),
        counts_(counts) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request);

 private:
  FixedRoutes fixed_;
  ReadyRoute ready_;
  NarInfoRoutes& narinfos_;
  NarRoutes& nars_;
  ObjectRoutes& objects_;
  std::optional<ReaderToken> token_;
  cache::CountLog* counts_;
};

}  // namespace ncps::server
