// GET and HEAD of /nar/<name>.nar[.ext].
//
// One URL is one object for ever, so its ETag is its name, and ranges of it fit together across
// restarts, instances and evictions. Limit: what we compress ourselves has other bytes under the same
// name if it is lost and fetched again with another libzstd (docs/decisions/0007). A "?query" does
// not change what is served.
#pragma once

#include <optional>

#include "cache/nar_service.h"
#include "cache/use_log.h"
#include "http/request.h"
#include "http/response.h"
#include "server/permissions.h"

namespace ncps::server {

class NarRoutes {
 public:
  NarRoutes(cache::NarService& nars, cache::UseLog& uses, const Permissions& permissions)
      : nars_(nars), uses_(uses), permissions_(permissions) {}

  // The whole of a NAR at rest that this thread has sent within the present second, by GET. nullopt: answer()
  // has to.
  std::optional<http::Response> answer_from_memory(const http::Request& request,
                                                   const nix::NarUrl& url);

  // Both must live until it has answered.
  boost::asio::awaitable<http::Response> answer(const http::Request& request,
                                                const nix::NarUrl& url, Side side = Side::root);

 private:
  boost::asio::awaitable<http::Response> answer_head(const nix::NarUrl& url, Side side);
  boost::asio::awaitable<std::optional<http::Response>> answer_elsewhere(http::Method method,
                                                                         const nix::NarUrl& url);
  Task<std::optional<std::uint64_t>> size_of(const nix::NarUrl& url, Side side);
  Task<cache::OpenNar> open_kept(const nix::NarUrl& url, std::optional<storage::Part> part = {});

  std::vector<http::Header> headers_for(const nix::NarUrl& url, Audience audience) const;
  void keep_near(const nix::NarUrl& url, Audience audience, const cache::OpenNar& nar,
                 const std::vector<http::Header>& headers);

  cache::NarService& nars_;
  cache::UseLog& uses_;
  const Permissions& permissions_;
};

}  // namespace ncps::server
