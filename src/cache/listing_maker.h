// ListingMaker: the listing of a NAR ("<hash>.ls") made from the NAR itself.
//
// The NAR has been verified before it came to rest, so such a listing is true; one of an upstream
// is only what that upstream says. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "cache/nar_info_service.h"
#include "cache/nar_service.h"
#include "cache/slots.h"

namespace ncps::cache {

// A NAR as we announce it.
struct AnnouncedNar {
  nix::NarUrl url;
  nix::Compression compression;
};

class ListingMaker {
 public:
  static constexpr std::size_t kAtOnce = 2;  // each may take a decompressor's window and 64 MiB

  ListingMaker(storage::BlobStore& store, NarInfoService& narinfos, NarService& nars, Pool& cpu)
      : store_(store), narinfos_(narinfos), nars_(nars), cpu_(cpu) {}

  // The NAR of a store path. nullopt: there is no such store path, for us. Errors: as
  // NarInfoService::find.
  Task<std::optional<AnnouncedNar>> find_nar(nix::StorePathHash hash, Deadline deadline);

  // nullopt: the NAR is not at rest, or no listing can be made of what is there (the log says why).
  // Errors: unavailable, timeout.
  Task<std::optional<std::string>> from_rest(AnnouncedNar nar, Deadline deadline);

  // Fetches the NAR first, as for a client. nullopt: no upstream has it, or it holds too much for a
  // listing. Errors: as NarService::open and what it reads.
  Task<std::optional<std::string>> from_upstreams(AnnouncedNar nar, Deadline deadline);

  // What is being made fails, and so does everything after it.
  void cut_off();

 private:
  Task<std::string> make(std::unique_ptr<ByteSource> source, nix::Compression compression,
                         Deadline deadline);

  storage::BlobStore& store_;
  NarInfoService& narinfos_;
  NarService& nars_;
  Pool& cpu_;
  Slots slots_{kAtOnce};
  std::atomic<bool> cut_off_ = false;
};

}  // namespace ncps::cache
