// The answers that never change while we run: /, /nix-cache-info, /pubkey, /healthz.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/response.h"
#include "nix/signature.h"
#include "server/route.h"

namespace ncps::server {

class FixedRoutes {
 public:
  // /pubkey tells all `keys`, a line for each; / the first one. REQUIRES: at least one.
  FixedRoutes(std::string hostname, std::vector<nix::PublicKey> keys);

  http::Response answer(Fixed which) const;

  const std::string& hostname() const noexcept { return hostname_; }
  const std::vector<nix::PublicKey>& keys() const noexcept { return keys_; }

 private:
  std::string hostname_;
  std::vector<nix::PublicKey> keys_;
  std::shared_ptr<const http::Prepared> root_, cache_info_, pubkey_, healthz_;
};

}  // namespace ncps::server
