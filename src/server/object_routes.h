// GET and HEAD of listings (/<hash>.ls), build logs (/log/), realisations (/realisations/,
// /build-trace-v2/) and debug links (/debuginfo/).
//
// Served from the store only, so with a Content-Length, a strong ETag and ranges; HEAD, too,
// fetches what is not there yet. In caches between us and the client a realisation, which may be
// signed anew, is for a minute; the rest does not change.
#pragma once

#include "cache/object_service.h"
#include "http/request.h"
#include "http/response.h"
#include "server/permissions.h"

namespace ncps::server {

class ObjectRoutes {
 public:
  ObjectRoutes(cache::ObjectService& objects, const Permissions& permissions)
      : objects_(objects), permissions_(permissions) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request, nix::ObjectPath path,
                                                Side side = Side::root);

 private:
  std::vector<http::Header> headers_for(nix::ObjectKind kind, const std::string& etag) const;

  cache::ObjectService& objects_;
  const Permissions& permissions_;
};

}  // namespace ncps::server
