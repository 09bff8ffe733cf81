// What is asked for when somebody looks at the metrics: sizes, depths, standings. Nothing of it waits
// or asks the database.
#pragma once

#include <vector>

#include "app/pools.h"
#include "cache/downloads.h"
#include "cache/evictor.h"
#include "cache/nar_upload.h"
#include "cache/space.h"
#include "fetch/http_client.h"
#include "server/served_probe.h"
#include "telemetry/registry.h"

namespace ncps::app {

// All of it must live as long as what ask_parts gives.
struct MeasuredParts {
  const cache::Space& space;
  const cache::Evictor& evictor;
  const cache::Downloads& downloads;
  const cache::NarUploads& uploads;
  const upstream::UpstreamSet& upstreams;
  const fetch::HttpClient& client;
  const storage::BlobStore& store;
  const db::Catalog& catalog;
  const Pool& disk;
  const Pool& cpu;
  const Pool& nars;
  const server::ServedProbe& served;
};

[[nodiscard]] std::vector<metrics::Registry::Asked> ask_parts(metrics::Registry& registry,
                                                              const MeasuredParts& parts);

}  // namespace ncps::app
