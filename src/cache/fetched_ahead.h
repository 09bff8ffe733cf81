// FetchedAhead: narinfos that are here though no client has fetched them, and what is then to be
// fetched ahead for whoever does.
//
// A NAR is fetched ahead only once a client has asked for its narinfo by GET: a walk over references,
// or a HEAD, is no reason to move gigabytes. Nor is a HEAD a reason to walk; but clients that look
// by HEAD first (`nix path-info`, `nix copy`) GET the same narinfo next. Bounded: what does not fit
// is forgotten, the client's own requests fetch it. Thread-safe.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
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
  explicit FetchedAhead(std::size_t most = 20'000) : most_(most) {}

  void put(const nix::StorePathHash& hash, StillToFetch left) {
    entries_.with([&](auto& entries) {
      if (entries.size() < most_) entries.insert_or_assign(hash, std::move(left));
    });
  }

  // The first client has come: what is to be fetched, and it is forgotten here.
  std::optional<StillToFetch> take(const nix::StorePathHash& hash) {
    return entries_.with([&](auto& entries) -> std::optional<StillToFetch> {
      auto node = entries.extract(hash);
      if (node.empty()) return std::nullopt;
      return std::move(node.mapped());
    });
  }

 private:
  std::size_t most_;
  Guarded<std::unordered_map<nix::StorePathHash, StillToFetch>> entries_;
};

}  // namespace ncps::cache
