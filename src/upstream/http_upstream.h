// An upstream cache behind HTTP: what its statuses mean, and when it is asked again.
//
// Source: Nix, src/libstore/filetransfer.cc: 404, 410 and 403 (S3) are "missing"; 401 and 407 want
// credentials; 408, 429, 5xx, broken connections and timeouts are tried again, with Retry-After as
// a floor. What is known to fail (Standing::doubtful) gets one attempt. Only what is asked of its
// own host counts for its standing: a narinfo may lead to another one. A file that breaks off after
// its head does not count either: its head was an answer, and whoever reads it goes elsewhere.
#pragma once

#include <memory>

#include "fetch/http_client.h"
#include "fetch/retry_delay.h"
#include "nix/nar_info.h"
#include "upstream/track_record.h"
#include "upstream/upstream.h"
#include "upstream/upstream_probe.h"
#include "upstream/upstream_url.h"

namespace ncps::upstream {

struct HttpUpstreamOptions {
  UpstreamUrl url;
  fetch::HttpTimeouts timeouts;
  fetch::RetryPolicy retry;
  std::string netrc_file;  // with user names and passwords; empty: none
  std::size_t most_narinfo_bytes = nix::kMaxNarInfoBytes;
  fetch::Elsewhere elsewhere = fetch::Elsewhere::outward;  // where it may lead us
  friend bool operator==(const HttpUpstreamOptions&, const HttpUpstreamOptions&) = default;
};

// `client` must outlive it.
std::unique_ptr<Upstream> make_http_upstream(HttpUpstreamOptions options, fetch::HttpClient& client,
                                             UpstreamProbe probe = {});

}  // namespace ncps::upstream
