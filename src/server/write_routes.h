// PUT and DELETE: uploads and removals, and the one audit event that each of them leaves in the log.
//
// Whether they are allowed at all is for the router. Thread-safe.
#pragma once

#include "base/live.h"
#include "cache/nar_info_upload.h"
#include "cache/nar_upload.h"
#include "cache/object_upload.h"
#include "cache/removal.h"
#include "http/request.h"
#include "http/response.h"
#include "server/nar_info_routes.h"
#include "server/route.h"
#include "server/upload_probe.h"
#include "server/write_policy.h"

namespace ncps::server {

struct WriteDeps {
  cache::NarUploads& nars;
  cache::NarInfoUploads& narinfos;
  cache::ObjectUploads& objects;
  cache::Removal& removal;
  NarInfoRoutes& hot;  // forgets what has changed
  Pool& cpu;
  const Live<WritePolicy>& policy;
  UploadProbe probe = {};
};

class WriteRoutes {
 public:
  explicit WriteRoutes(WriteDeps deps) : deps_(deps) {}

  WritePolicy policy() const { return *deps_.policy.now(); }

  // `who`: the name of the token that allows it; may be empty.

  // REQUIRES: writable(route).
  boost::asio::awaitable<http::Response> put(const http::Request& request, const Target& target,
                                             std::string who);
  // REQUIRES: a narinfo or a NAR.
  boost::asio::awaitable<http::Response> remove(const http::Request& request, const Route& route,
                                                std::string who);

 private:
  Task<cache::UploadAnswer> put_nar_info(ByteSource& body, nix::StorePathHash hash,
                                         nix::Compression encoding, cache::Elsewhere elsewhere);

  WriteDeps deps_;
};

// What can be sent here at all: narinfos, NARs, objects.
bool writable(const Route& route);
bool removable(const Route& route);

}  // namespace ncps::server
