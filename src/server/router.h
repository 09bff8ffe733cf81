// From a request to the routes' answers.
#pragma once

#include "http/server.h"
#include "server/fixed_routes.h"
#include "server/nar_info_routes.h"
#include "server/nar_routes.h"
#include "server/object_routes.h"
#include "server/pin_routes.h"
#include "server/reader_token.h"
#include "server/ready_route.h"

namespace ncps::server {

// Thread-safe, as its parts are. Must outlive the server that it answers for.
class Router {
 public:
  // With `token`, readers must send it for everything but /healthz and /readyz.
  Router(FixedRoutes fixed, ReadyRoute ready, NarInfoRoutes& narinfos, NarRoutes& nars,
         ObjectRoutes& objects, PinRoutes& pins, std::optional<ReaderToken> token = {})
      : fixed_(std::move(fixed)),
        ready_(ready),
        narinfos_(narinfos),
        nars_(nars),
        objects_(objects),
        pins_(pins),
        token_(std::move(token)) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request);

 private:
  FixedRoutes fixed_;
  ReadyRoute ready_;
  NarInfoRoutes& narinfos_;
  NarRoutes& nars_;
  ObjectRoutes& objects_;
  PinRoutes& pins_;
  std::optional<ReaderToken> token_;
};

}  // namespace ncps::server
