// From a request to the routes' answers.
#pragma once

#include "base/live.h"
#include "cache/count_log.h"
#include "http/server.h"
#include "server/fixed_routes.h"
#include "server/front_page_route.h"
#include "server/metrics_route.h"
#include "server/nar_info_routes.h"
#include "server/nar_routes.h"
#include "server/object_routes.h"
#include "server/peer_routes.h"
#include "server/permissions.h"
#include "server/pin_routes.h"
#include "server/ready_route.h"
#include "server/served_probe.h"
#include "server/status_route.h"
#include "server/write_routes.h"

namespace ncps::server {

// Who looks on.
struct Watching {
  cache::CountLog* counts = nullptr;  // nullptr: nothing is counted in the database
  ServedProbe served = {};
  const StatusRoute* status = nullptr;    // nullptr: there is no such path
  const MetricsRoute* metrics = nullptr;  // the same
  const FrontPageRoute* page = nullptr;   // nullptr: browsers get what everybody gets
};

// Thread-safe, as its parts are. Must outlive the server that it answers for.
class Router {
 public:
  // `peers` nullptr: there are no other instances.
  Router(FixedRoutes fixed, ReadyRoute& ready, NarInfoRoutes& narinfos, NarRoutes& nars,
         ObjectRoutes& objects, WriteRoutes& writes, PinRoutes& pins,
         const Permissions& permissions, Watching watching = {}, PeerRoutes* peers = nullptr)
      : fixed_(std::move(fixed)),
        ready_(ready),
        narinfos_(narinfos),
        nars_(nars),
        objects_(objects),
        writes_(writes),
        pins_(pins),
        permissions_(permissions),
        watching_(watching),
        peers_(peers) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request);

  // From now on these.
  void use(FixedRoutes fixed) { fixed_.replace(std::move(fixed)); }

 private:
  // What cannot be done here at all, whoever asks; and names that are none.
  std::optional<http::Response> refusal(const http::Request& request, const Target& target) const;
  boost::asio::awaitable<http::Response> read(const http::Request& request, Target& target);
  boost::asio::awaitable<http::Response> read_ours(const http::Request& request,
                                                   const Target& target);
  void count(const Target& target, http::Response& response,
             std::chrono::steady_clock::time_point begin) const;

  Live<FixedRoutes> fixed_;
  ReadyRoute& ready_;
  NarInfoRoutes& narinfos_;
  NarRoutes& nars_;
  ObjectRoutes& objects_;
  WriteRoutes& writes_;
  PinRoutes& pins_;
  const Permissions& permissions_;
  const Watching watching_;
  PeerRoutes* peers_;
};

}  // namespace ncps::server
