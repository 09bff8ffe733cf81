// FetchedAhead: narinfos that are here though no client has fetched them, and what is then to be
// fetched ahead for whoever does.
//
// A NAR is fetched ahead only once a client has asked for its narinfo by GET: a walk over references,
// or a HEAD, is no reason to move gigabytes. Nor is a HEAD a reason to walk; but clients that look
// by HEAD first (`nix path-info`, `nix copy`) GET the same narinfo next. Bounded: most of a
// closure its clients have already, and never ask for, so the oldest are forgotten; the client's own
// requests fetch those. Thread-safe.
#pragma once

#include <optional>
#include <vector>

#include "base/guarded.h"
#include "cache/recent.h"
#include "db/catalog.h"

namespace ncps::cache {

// What is still to be fetched for a narinfo.
struct StillToFetch {
  std::optional<db::NarRow> nar;
  std::vector<nix::StorePathHash> references;
  bool empty() const { return !nar && references.empty(); }
};

class FetchedAhead {
 public:
  explicit FetchedAhead(std::size_t most = 20'000) : entries_(Entries(most)) {}

  void put(const nix::StorePathHash& hash, StillToFetch left) {
    entries_.with([&](auto& entries) { entries.put(hash, std::move(left)); });
  }

  // The first client has come: what is to be fetched, and it is forgotten here.
  std::optional<StillToFetch> take(const nix::StorePathHash& hash) {
    return entries_.with([&](auto& entries) { return entries.take(hash); });
  }

 private:
  using Entries = Recent<nix::StorePathHash, StillToFetch>;
  Guarded<Entries> entries_;
};

}  // namespace ncps::cache
