// GET and HEAD of / for browsers: the front page, with what whoever asks may see. Thread-safe.
#pragma once

#include <string>

#include "http/request.h"
#include "http/response.h"
#include "server/fixed_routes.h"
#include "server/permissions.h"
#include "server/status_route.h"

namespace ncps::server {

class FrontPageRoute {
 public:
  // Both outlive it.
  FrontPageRoute(const StatusRoute& status, const Permissions& permissions, std::string version)
      : status_(status), permissions_(permissions), version_(std::move(version)) {}

  // REQUIRES: whoever asks may read.
  http::Response answer(const http::Request& request, const FixedRoutes& about) const;

 private:
  const StatusRoute& status_;
  const Permissions& permissions_;
  const std::string version_;
};

}  // namespace ncps::server
