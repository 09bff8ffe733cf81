// The one place where an Error becomes an HTTP answer.
#pragma once

#include "base/error.h"
#include "http/response.h"

namespace ncps::server {

unsigned http_status(ErrorKind kind) noexcept;

// Says what failed where that concerns the client (an upstream, the request); what is ours (paths,
// SQL) goes to the log only.
http::Response error_response(const Error& error);

}  // namespace ncps::server
