#include "app/advertise.h"

#include <unistd.h>

#include <array>

#include "peer/peer_url.h"

namespace ncps::app {

std::string advertised_url(const config::ServeOptions& options, const http::ListenAddress& actual) {
  if (!options.redis) return "";
  if (!options.advertise_url.empty()) return options.advertise_url;
  if (actual.is_unix()) return "";
  const auto& redis = options.redis->addresses.front();
  auto local = peer::address_towards(redis.host, std::to_string(redis.port));
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
  auto url = peer::own_url(actual.host, actual.port, local.value_or(""), name.data()).value_or("");
  if (options.tls && url.starts_with("http://")) url.replace(0, 4, "https");
  return url;
}

}  // namespace ncps::app
