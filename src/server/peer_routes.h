// GET /peer/nar/<name>.nar[.ext]: what is on its way to this instance, for another instance of this
// cache.
//
// Answers with all that has come, and then with what comes, not verified: whoever asks verifies for
// itself. Begins no download, asks nobody, reads no store: 404 for whatever does not come here now under
// the lease that the token names. Open to instances alone (peer/peer_secret.h): tokens of clients do not
// count here, and a wrong proof is 403.
#pragma once

#include "base/live.h"
#include "cache/downloads.h"
#include "http/request.h"
#include "http/response.h"
#include "nix/nar_url.h"
#include "peer/peer_secret.h"

namespace ncps::server {

class PeerRoutes {
 public:
  // `secret` must outlive it.
  PeerRoutes(cache::Downloads& downloads, const Live<peer::PeerSecret>& secret)
      : downloads_(downloads), secret_(secret) {}

  boost::asio::awaitable<http::Response> answer(const http::Request& request, nix::NarUrl url);

 private:
  cache::Downloads& downloads_;
  const Live<peer::PeerSecret>& secret_;
};

}  // namespace ncps::server
