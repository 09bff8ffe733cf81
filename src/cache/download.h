// One NAR on its way from an upstream into the store.
//
// Fetches (resuming by Range, from any source that has the file), spools, verifies while it
// arrives, and publishes. Belongs to the cache, not to a client: it goes on when all of them have
// left.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cache/download_probe.h"
#include "cache/fetch_policy.h"
#include "cache/nar_verifier.h"
#include "cache/space.h"
#include "cache/spool.h"
#include "cache/spool_writer.h"
#include "db/catalog.h"
#include "nix/nar_url.h"
#include "rt/offload.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

struct NarSource {
  std::shared_ptr<upstream::Upstream> upstream;
  std::string url;  // as for Upstream::open_file
};

struct DownloadJob {
  nix::NarUrl url;                 // under which it is announced and kept
  NarExpectation expected;         // of what is kept
  std::vector<NarSource> sources;  // the first is asked first
  Intake intake = Intake::as_it_is;

  // Whether a narinfo told us of it; else there is nothing but the name.
  bool announced() const { return !expected.either_hash; }

  // Bytes of the upstream's file; absent: not known.
  std::optional<std::uint64_t> upstreams_size() const {
    return intake == Intake::compressed ? expected.nar_size : expected.file_size;
  }
};

// For a NAR that we announced: where its narinfo came from, then the others under the same path;
// all that are in good standing before those that are not.
DownloadJob job_for(const db::NarRow& row, const upstream::UpstreamList& upstreams);

// For a NAR of which only the name is known.
// Errors: not_found, if the name is no hash: then nothing could be verified.
Result<DownloadJob> job_for_unknown(const nix::NarUrl& url,
                                    const upstream::UpstreamList& upstreams);

struct DownloadDeps {
  storage::BlobStore& store;
  db::Catalog& catalog;
  Pool& disk;
  Pool& cpu;
  FetchPolicy policy;
  Space* space = nullptr;  // nullptr: there is room for everything
  DownloadProbe probe = {};
};

// Runs it to its end; every outcome is in the spool. Failures: not_found (every source says so),
// upstream, timeout, corrupt, unavailable; conflict means that it is at rest already. Its value:
// bytes of a NAR that is stored now, which the catalog could not be told; nullopt: nothing is left to tell.
boost::asio::awaitable<std::optional<std::uint64_t>> run_download(DownloadDeps deps,
                                                                  DownloadJob job,
                                                                  std::shared_ptr<Spool> spool);

}  // namespace ncps::cache
