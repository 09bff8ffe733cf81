// UpstreamCounts: what came from each upstream, and what of it was served, added up by day in the
// database.
//
// Who serves a NAR from the store does not know where it once came from: its URL is remembered, and its
// row looked at when the numbers are written. Bounded: NARs beyond kMostOfThread between two writes are not
// attributed. A crash forgets what was not written. Thread-safe; io threads do not meet here.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/guarded.h"
#include "db/catalog.h"
#include "db/inventory.h"

namespace ncps::cache {

// Names of counts: NARs, and the bytes of their files.
inline constexpr std::string_view kFetched = "nar_fetched";  // came from it, and are kept
inline constexpr std::string_view kServed =
    "nar_served";  // that it once gave us were sent, or to be sent
inline constexpr std::string_view kSaved =
    "nar_saved";  // of these, those that it had not to send for that

class UpstreamCounts {
 public:
  static constexpr std::size_t kShards = 16;  // threads rarely meet
  static constexpr std::size_t kMostOfThread = 2'000;
  static constexpr std::size_t kMostWaiting = 10'000;  // while the database is away

  UpstreamCounts(db::Catalog& catalog, db::Inventory& inventory)
      : catalog_(catalog), inventory_(inventory) {}

  void fetched(std::string_view upstream, std::uint64_t bytes);
  // `how`: as in http::Response::cache. Without waiting for anything.
  void served(const nix::NarUrl& url, std::string_view how, std::uint64_t bytes);

  // Errors: unavailable; what could not be written is kept for the next time.
  Task<void> write();

 private:
  struct Tally {
    std::uint64_t number = 0, bytes = 0;
    void add(const Tally& other) {
      number += other.number;
      bytes += other.bytes;
    }
  };
  struct Of {
    Tally served, saved;
    void add(const Of& other) {
      served.add(other.served);
      saved.add(other.saved);
    }
  };
  using Nars = std::unordered_map<nix::NarUrl, Of>;
  using Sums = std::map<std::pair<std::string, std::string_view>, Tally>;  // by upstream and name
  static void count(Sums& sums, std::string_view upstream, std::string_view name,
                    const Tally& tally);

  Nars take_nars();
  void keep_for_later(const Nars& nars);
  Task<void> attribute();

  db::Catalog& catalog_;
  db::Inventory& inventory_;
  std::array<Guarded<Nars>, kShards> nars_;  // by the thread that served them
  Guarded<Nars> waiting_;                    // could not be attributed yet
  Guarded<Sums> sums_;
};

}  // namespace ncps::cache
