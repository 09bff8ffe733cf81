// ObjectService: what a binary cache has besides narinfos and NARs, from what we keep or from the
// upstreams: listings, build logs, realisations, debug links (nix/object_path.h).
//
// What came once is kept and served from the store. A listing is made from the NAR if that is here;
// else it is an upstream's; else the NAR is fetched to make it. Nothing is verified but that
// (object_fetcher.h). Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "cache/listing_maker.h"
#include "cache/object_fetcher.h"
#include "cache/recent.h"
#include "cache/single_flight.h"
#include "cache/space.h"
#include "cache/use_log.h"
#include "nix/object_path.h"
#include "storage/blob_store.h"

namespace ncps::cache {

struct ObjectDeps {
  storage::BlobStore& store;
  const upstream::UpstreamSet& upstreams;
  NarInfoService& narinfos;
  NarService& nars;
  Pool& disk;
  Pool& cpu;
  UseLog* uses = nullptr;  // nullptr: uses are not noted, and nothing is ever evicted
  Space* space = nullptr;  // nullptr: there is room for everything
};

struct OpenObject {
  std::unique_ptr<storage::Blob> blob;
  std::string etag;      // strong: of the bytes
  std::string_view how;  // "hit", "miss"
};

class ObjectService {
 public:
  static constexpr std::size_t kAtOnce = 64;         // being fetched; and as many listings
  static constexpr std::size_t kMostETags = 10'000;  // remembered

  ObjectService(Runtime& runtime, ObjectDeps deps)
      : store_(deps.store),
        cpu_(deps.cpu),
        uses_(deps.uses),
        space_(deps.space),
        fetcher_(deps.store, deps.upstreams, deps.disk),
        listings_(deps.store, deps.narinfos, deps.nars, deps.cpu),
        flights_(runtime) {}

  // nullopt: every upstream says that it has none, and none can be made. Errors: upstream, timeout,
  // corrupt (what an upstream has cannot be it), unavailable. The deadline ends the waiting, not
  // the fetching.
  Task<std::optional<OpenObject>> find(nix::ObjectPath path, Deadline deadline);

  // The same from what is kept alone. Errors: unavailable, timeout.
  Task<std::optional<OpenObject>> find_kept(nix::ObjectPath path, Deadline deadline);

  // What is being fetched or made fails as soon as its upstreams and downloads do.
  void cut_off();

  // Waits for what runs. Blocks: not from an io thread. Nothing may be asked meanwhile.
  bool stop(Deadline deadline) { return flights_.stop(deadline); }

 private:
  Task<Presence> bring(nix::ObjectPath path);
  Task<Presence> bring_now(nix::ObjectPath path, Deadline deadline);
  Task<Presence> bring_listing(const nix::ObjectPath& path, Deadline deadline);
  Task<Presence> keep(const nix::ObjectPath& path, std::string text);
  Task<OpenObject> opened(const storage::BlobKey& key, std::unique_ptr<storage::Blob> blob,
                          std::string_view how, Deadline deadline);
  Task<std::string> etag_of(const storage::BlobKey& key, storage::Blob& blob, Deadline deadline);

  storage::BlobStore& store_;
  Pool& cpu_;
  UseLog* uses_;
  Space* space_;
  ObjectFetcher fetcher_;
  ListingMaker listings_;
  Slots slots_{kAtOnce};
  Slots listing_slots_{kAtOnce};  // of their own: they may wait minutes for a NAR
  SingleFlight<nix::ObjectPath, Presence> flights_;
  struct KnownETag {
    std::string version, etag;  // of the blob of that version
  };
  Guarded<Recent<std::string, KnownETag>> etags_{Recent<std::string, KnownETag>(kMostETags)};
};

}  // namespace ncps::cache
