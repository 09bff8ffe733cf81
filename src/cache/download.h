// One NAR on its way from an upstream into the store.
//
// Fetches (resuming by Range, from any source that has the file), spools, verifies while it
// arrives, and publishes, if no other instance does that. Belongs to the cache, not to a client: it
// goes on when all of them have left.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cache/download_probe.h"
#include "cache/fetch_policy.h"
#include "cache/file_source.h"
#include "cache/held_lease.h"
#include "cache/nar_verifier.h"
#include "cache/sharing.h"
#include "cache/space.h"
#include "cache/spool.h"
#include "cache/spool_writer.h"
#include "cache/upstream_counts.h"
#include "db/catalog.h"
#include "nix/nar_url.h"
#include "rt/offload.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

struct DownloadJob {
  nix::NarUrl url;                 // under which it is announced and kept
  NarExpectation expected;         // of what is kept
  std::vector<NarSource> sources;  // the first is asked first
  Intake intake = Intake::as_it_is;
  bool distrusts_peers = false;  // wrong bytes came for it before: only upstreams are asked

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
  Space* space = nullptr;      // nullptr: there is room for everything
  Sharing* sharing = nullptr;  // nullptr: there are no other instances
  DownloadProbe probe = {};
  UpstreamCounts* counts = nullptr;
};

enum class Wanted : bool { by_nobody, by_client };

// A NAR that is stored now, which the catalog could not be told.
struct Untold {
  std::uint64_t size;   // bytes
  std::uint64_t fence;  // of the lease under which it was stored
};

// Runs it to its end; every outcome is in the spool. Failures: not_found (every source says so),
// upstream, timeout, corrupt, unavailable; conflict means that it is at rest already, or that another
// instance fetches what nobody asked for here. `lease`: where it keeps its lease; may be held still when
// this ends. nullopt: nothing is left to tell.
boost::asio::awaitable<std::optional<Untold>> run_download(DownloadDeps deps, DownloadJob job,
                                                           std::shared_ptr<Spool> spool,
                                                           std::shared_ptr<HeldLease> lease,
                                                           Wanted wanted);

}  // namespace ncps::cache
