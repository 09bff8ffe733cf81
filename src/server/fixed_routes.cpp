#include "server/fixed_routes.h"

#include <nlohmann/json.hpp>

#include "nix/cache_info.h"
#include "nix/store_path.h"

namespace ncps::server {
namespace {

std::shared_ptr<const http::Prepared> fixed(std::string type, std::string body) {
  return http::prepare(200, {{"Content-Type", std::move(type)}}, std::move(body));
}

// Without a line break at the end, as the contract has it.
std::string lines(const std::vector<nix::PublicKey>& keys) {
  std::string text;
  for (const auto& key : keys) {
    if (!text.empty()) text += '\n';
    text += key.str();
  }
  return text;
}

}  // namespace

FixedRoutes::FixedRoutes(std::string hostname, std::vector<nix::PublicKey> keys)
    : hostname_(std::move(hostname)), keys_(std::move(keys)) {
  nlohmann::json about = {{"hostname", hostname_}, {"publicKey", keys_.front().str()}};
  // Browsers get a page there (FrontPageRoute).
  root_ =
      http::prepare(200, {{"Content-Type", "application/json"}, {"Vary", "Accept"}}, about.dump());
  // The contract's values: Priority 10 goes before cache.nixos.org's 40.
  nix::CacheInfo info{
      .store_dir = std::string(nix::kStoreDir), .want_mass_query = true, .priority = 10};
  cache_info_ = fixed("text/x-nix-cache-info", nix::print_cache_info(info));
  pubkey_ = fixed("text/plain; charset=utf-8", lines(keys_));
  healthz_ = fixed("text/plain; charset=utf-8", ".");
}

http::Response FixedRoutes::answer(Fixed which) const {
  http::Response response;
  switch (which) {
    case Fixed::root: response.body = root_; break;
    case Fixed::cache_info: response.body = cache_info_; break;
    case Fixed::pubkey: response.body = pubkey_; break;
    case Fixed::healthz: response.body = healthz_; break;
  }
  return response;
}

}  // namespace ncps::server
