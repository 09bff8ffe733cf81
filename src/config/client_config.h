// What `ncps client-config` prints: lines for clients, to be pasted. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/serve_options.h"

namespace ncps::config {

struct ClientConfig {
  std::string url;                // of the cache, without a '/' at its end
  std::vector<std::string> keys;  // public ones, name:base64
  bool asks_for_tokens = false;   // readers have to send one
};

// Of `given`, or, if that is empty, of the host name and port that the options have. Errors:
// invalid, if neither says it, or `given` is no http:// or https:// URL without user and password.
Result<std::string> client_url(std::string_view given, const ServeOptions& options);

// For NixOS, for nix.conf, and for the netrc where one is needed; no secret is in it.
std::string print(const ClientConfig& config);

}  // namespace ncps::config
