// A PeerReader by HTTP: GET of kRoute at the other instance, with a token (peer_secret.h). No proxies, no
// redirects. TLS, where its address says https, as for upstreams.
#pragma once

#include <memory>

#include "base/live.h"
#include "fetch/http_client.h"
#include "peer/peer_reader.h"
#include "peer/peer_secret.h"

namespace ncps::peer {

// An instance that does not even take the connection in this time is gone.
inline constexpr std::chrono::milliseconds kPeerConnect{1'000};

// `client` and `secret` must outlive it.
std::unique_ptr<PeerReader> make_http_peer_reader(fetch::HttpClient& client,
                                                  const Live<PeerSecret>& secret);

}  // namespace ncps::peer
