// GET and HEAD of /readyz: how we are, for operators and balancers.
//
// 200 as long as requests are answered at all: without the database hits from memory and store go
// on, and a balancer that took out every instance that shares it would make a small trouble a great
// one. The JSON says what is amiss:
//
//   {"database":"ok","status":"ok","upstreams":{"doubtful":0,"good":2,"refused":0}}
//
// "status" is "ok" or "degraded"; "database" is "ok" or "does not answer".
#pragma once

#include "db/catalog.h"
#include "http/request.h"
#include "http/response.h"
#include "upstream/upstream.h"

namespace ncps::server {

class ReadyRoute {
 public:
  ReadyRoute(db::Catalog& catalog, const upstream::UpstreamSet& upstreams)
      : catalog_(catalog), upstreams_(upstreams) {}

  boost::asio::awaitable<http::Response> answer();

 private:
  db::Catalog& catalog_;
  const upstream::UpstreamSet& upstreams_;
};

}  // namespace ncps::server
