// FetchedAhead: narinfos that are here though no client has fetched them, and how to get their NARs.
//
// A NAR is fetched ahead only once a client has asked for its narinfo by GET: a walk over references,
// or a HEAD, is no reason to move gigabytes. Bounded: what does not fit is forgotten, the client's own
// request fetches the NAR. Thread-safe.
#pragma once

#include <optional>
#include <unordered_map>

#include "base/guarded.h"
#include "db/catalog.h"

namespace ncps::cache {

class FetchedAhead {
 public:
  explicit FetchedAhead(std::size_t most = 20'000) : most_(most) {}

  void put(const nix::StorePathHash& hash, db::NarRow nar) {
    rows_.with([&](auto& rows) {
      if (rows.size() < most_) rows.insert_or_assign(hash, std::move(nar));
    });
  }

  // The first client has come: its NAR, and it is forgotten here.
  std::optional<db::NarRow> take(const nix::StorePathHash& hash) {
    return rows_.with([&](auto& rows) -> std::optional<db::NarRow> {
      auto node = rows.extract(hash);
      if (node.empty()) return std::nullopt;
      return std::move(node.mapped());
    });
  }

 private:
  std::size_t most_;
  Guarded<std::unordered_map<nix::StorePathHash, db::NarRow>> rows_;
};

}  // namespace ncps::cache
