// GET and HEAD of /nar/<name>.nar[.ext].
//
// One URL is one object for ever, so its ETag is its name, and ranges of it fit together across
// restarts, instances and evictions. A "?query" does not change what is served.
#pragma once

#include "cache/nar_service.h"
#include "cache/use_log.h"
#include "http/request.h"
#include "http/response.h"
#include "server/route.h"

namespace ncps::server {

class NarRoutes {
 public:
  NarRoutes(cache::NarService& nars, cache::UseLog& uses, Audience audience = Audience::everybody)
      : nars_(nars), uses_(uses), audience_(audience) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request, nix::NarUrl url,
                                                Side side = Side::root);

 private:
  boost::asio::awaitable<http::Response> answer_head(nix::NarUrl url, Side side);
  Task<std::optional<std::uint64_t>> size_of(nix::NarUrl url, Side side);
  Task<cache::OpenNar> open(nix::NarUrl url, Side side);

  std::vector<http::Header> headers_for(const nix::NarUrl& url) const;

  cache::NarService& nars_;
  cache::UseLog& uses_;
  Audience audience_;
};

}  // namespace ncps::server
