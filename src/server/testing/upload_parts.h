// UploadParts: what takes uploads and removals, put together for tests.
#pragma once

#include "server/write_routes.h"

namespace ncps::server::testing {

struct UploadPartsDeps {
  storage::BlobStore& store;
  db::Catalog& catalog;
  cache::Downloads& downloads;
  cache::NarInfoService& narinfos;
  cache::NarService& nars;
  NarInfoRoutes& hot;
  Pool& disk;
  Pool& cpu;
  const Live<cache::Trust>& trust;
  const Live<cache::UploadPolicy>& upload_policy;
  const Live<WritePolicy>& write_policy;
};

struct UploadParts {
  explicit UploadParts(UploadPartsDeps d)
      : nars({.store = d.store,
              .catalog = d.catalog,
              .downloads = d.downloads,
              .locks = locks,
              .disk = d.disk,
              .cpu = d.cpu}),
        narinfos({.store = d.store,
                  .catalog = d.catalog,
                  .narinfos = d.narinfos,
                  .nars = d.nars,
                  .nar_uploads = nars,
                  .locks = locks,
                  .cpu = d.cpu,
                  .trust = d.trust,
                  .policy = d.upload_policy}),
        objects(d.store, d.disk),
        removal(d.store, d.catalog, locks, d.downloads, d.narinfos,
                [&hot = d.hot](const auto& hash) { hot.forget(hash); }),
        routes({.nars = nars,
                .narinfos = narinfos,
                .objects = objects,
                .removal = removal,
                .hot = d.hot,
                .cpu = d.cpu,
                .policy = d.write_policy}) {}

  cache::UploadLocks locks;
  cache::NarUploads nars;
  cache::NarInfoUploads narinfos;
  cache::ObjectUploads objects;
  cache::Removal removal;
  WriteRoutes routes;
};

}  // namespace ncps::server::testing
