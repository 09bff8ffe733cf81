// Whom a request is from, behind a proxy that we trust, and by which scheme it asked.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "http/caller.h"
#include "http/server_limits.h"

namespace ncps::http {

struct AskedBy {
  std::optional<std::string> client;  // nullopt: the caller itself
  Scheme scheme;
};

// `scheme`: of the caller's own connection. What `caller` tells of the client that it passes the
// request on for stands in `head.values(name)`.
AskedBy asked_by(const Caller& caller, Scheme scheme, const Proxies& proxies, const auto& head) {
  if (!caller.trusted_proxy) return {std::nullopt, scheme};
  auto values = head.values(name_of(proxies.named_by));
  auto behind = client_behind(values, proxies.named_by, proxies.trusted);
  if (proxies.named_by == HopHeader::x_forwarded_for)
    behind.scheme = forwarded_scheme(head.values("X-Forwarded-Proto"));
  std::optional<std::string> client;
  if (behind.client) client = behind.client->str();
  return {std::move(client), behind.scheme.value_or(scheme)};
}

}  // namespace ncps::http
