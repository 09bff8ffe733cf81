// POST and DELETE of /pin/<hash>.narinfo, GET of /pins.
//
// Thread-safe. Pins may be changed where uploads may.
#pragma once

#include <string>

#include "base/live.h"
#include "cache/nar_info_service.h"
#include "cache/pinning.h"
#include "http/request.h"
#include "http/response.h"
#include "server/write_policy.h"

namespace ncps::server {

struct PinDeps {
  db::Pins& pins;
  db::Catalog& catalog;
  storage::BlobStore& store;
  cache::NarInfoService& narinfos;
  cache::Space* space;              // for the file of a pin on a full disk
  const Live<WritePolicy>& policy;  // without put: 405 for all that would change something
};

class PinRoutes {
 public:
  explicit PinRoutes(PinDeps deps) : deps_(deps) {}

  // POST: pinned, if there is such a store path, here or at an upstream; else 404. DELETE: 404 if it was
  // not pinned. `who`: the name of the token that allows it; may be empty.
  boost::asio::awaitable<http::Response> answer(const http::Request& request,
                                                nix::StorePathHash hash, std::string who);

  // A JSON array of hashes, the oldest pin first.
  boost::asio::awaitable<http::Response> list();

 private:
  boost::asio::awaitable<http::Response> add(nix::StorePathHash hash);
  boost::asio::awaitable<http::Response> remove(nix::StorePathHash hash);

  PinDeps deps_;
};

}  // namespace ncps::server
