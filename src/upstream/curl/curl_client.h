// HttpClient over libcurl: one multi handle on one thread, as Nix does it.
//
// Source: curl_multi_poll(3), CURLOPT_WRITEFUNCTION(3). HTTP/2 over TLS, proxies from the
// environment, redirects (at most 10; credentials are not sent to another host), connections kept
// and shared. A body that is not read pauses its transfer at 1 MiB. TLS trusts what the system
// trusts, and the certificates of the environment (curl_environment.h). At most 128 transfers for
// one host at once, and 256 in all; others wait for them, with their deadlines.
#pragma once

#include <memory>
#include <string>

#include "upstream/http_client.h"

namespace ncps::upstream {

struct CurlOptions {
  std::string user_agent;
};

// Owns its thread. Blocks in its destructor until that has ended.
std::unique_ptr<HttpClient> make_curl_client(CurlOptions options);

}  // namespace ncps::upstream
