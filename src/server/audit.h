// The one event in the log that each change leaves: who did what.
#pragma once

#include <string_view>

#include "http/request.h"
#include "telemetry/log.h"

namespace ncps::server {

// `who`: the name of the token, or empty; `action`: "upload", "delete", "pin", "unpin", "refused" (for want of a right); `why`: what
// was wrong, or empty.
inline void audit(const http::Request& request, std::string_view who, std::string_view action,
                  unsigned status, std::string_view why) {
  if (request.content_length && request.method == http::Method::put) {
    log::info("audit", {{"action", action},
                        {"path", request.path},
                        {"token", who},
                        {"from", request.client},
                        {"status", status},
                        {"bytes", *request.content_length},
                        {"why", why}});
  } else {
    log::info("audit", {{"action", action},
                        {"path", request.path},
                        {"token", who},
                        {"from", request.client},
                        {"status", status},
                        {"why", why}});
  }
}

}  // namespace ncps::server
