// Whom a request is from, behind a proxy that we trust.
#pragma once

#include <optional>
#include <string>

#include "http/caller.h"
#include "http/server_limits.h"

namespace ncps::http {

// The client that `caller` passes the request on for, as `head.values(name)` tells; nullopt: it is
// the caller's own.
std::optional<std::string> client_behind(const Caller& caller, const Proxies& proxies,
                                         const auto& head) {
  if (!caller.trusted_proxy) return std::nullopt;
  auto values = head.values(name_of(proxies.named_by));
  auto client = client_behind(values, proxies.named_by, proxies.trusted);
  if (!client) return std::nullopt;
  return client->str();
}

}  // namespace ncps::http
