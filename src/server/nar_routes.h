// GET and HEAD of /nar/<name>.nar[.ext].
//
// One URL is one object for ever, so its ETag is its name, and ranges of it fit together across
// restarts, instances and evictions. A "?query" does not change what is served.
#pragma once

#include "cache/nar_service.h"
#include "http/request.h"
#include "http/response.h"

namespace ncps::server {

class NarRoutes {
 public:
  explicit NarRoutes(cache::NarService& nars) : nars_(nars) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request, nix::NarUrl url);

 private:
  boost::asio::awaitable<http::Response> answer_head(nix::NarUrl url);

  cache::NarService& nars_;
};

}  // namespace ncps::server
