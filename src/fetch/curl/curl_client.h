// HttpClient over libcurl: one multi handle on one thread, as Nix does it.
//
// Source: curl_multi_poll(3), CURLOPT_WRITEFUNCTION(3). HTTP/2 over TLS, proxies from the
// environment, redirects (at most 10; credentials are not sent to another host), connections kept
// and shared. A body that is not read pauses its transfer at 1 MiB. TLS trusts what the system
// trusts, and the certificates of the environment (curl_environment.h). At most so many transfers
// at once as `limits` says; others wait for them, with their deadlines.
#pragma once

#include <memory>
#include <string>

#include "fetch/http_client.h"
#include "fetch/waiting_line.h"

namespace ncps::fetch {

struct CurlOptions {
  std::string user_agent;
  std::string ca_file = {};  // trusted instead of all of those; empty: those
  // Transfers, and so connections. A host gets more than the NARs that are downloaded at once
  // (DownloadLimits), so that narinfos do not wait for NARs.
  LineLimits limits{.per_host = 128, .in_total = 256, .waiting = 16'384};
};

// Owns its thread. Blocks in its destructor until that has ended.
std::unique_ptr<HttpClient> make_curl_client(CurlOptions options);

}  // namespace ncps::fetch
