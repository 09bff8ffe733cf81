// NarInfoService: a narinfo by its hash, from what we keep or from the upstreams.
//
// What comes from an upstream is verified (a signature by a configured key; the StorePath that was
// asked for) before it is kept. What is kept is the upstream's text; URL and signature of ours are
// put in on the way out, so a new key acts at once. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/live.h"
#include "cache/downloads.h"
#include "cache/single_flight.h"
#include "db/catalog.h"
#include "nix/nar_info.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

struct Trust {
  std::vector<nix::PublicKey> upstream_keys;  // empty: nothing can be verified
  std::optional<nix::SecretKey> signing_key;  // absent: we sign nothing
  bool sign_unverified = false;               // sign also what no upstream key vouches for
};

// A narinfo as clients get it.
struct ServedNarInfo {
  std::string text;
  std::string etag;
  std::string_view how;  // "hit", "miss"
};

enum class Prefetch : bool { no, yes };

class NarInfoService {
 public:
  NarInfoService(Runtime& runtime, storage::BlobStore& store, db::Catalog& catalog,
                 const upstream::UpstreamSet& upstreams, Downloads& downloads, Pool& cpu,
                 const Live<Trust>& trust);

  // nullopt: every upstream says that it has none. `prefetch`: fetch its NAR as well, if the
  // narinfo is new. Errors: upstream, timeout, corrupt (an upstream's answer cannot be right),
  // unavailable.
  Task<std::optional<ServedNarInfo>> find(nix::StorePathHash hash, Prefetch prefetch,
                                          Deadline deadline);

  // Waits for what runs. Blocks: not from an io thread. Nothing may be asked meanwhile.
  bool stop(Deadline deadline) { return flights_.stop(deadline); }

 private:
  using Found = std::optional<ServedNarInfo>;
  struct Accepted {
    nix::NarInfo info;
    bool verified;
  };

  // accepted absent: a narinfo, but not for us, and why.
  struct Judged {
    std::optional<Accepted> accepted;
    std::string why_not;
  };
  struct Indexed {
    db::NarRow nar;
    bool done;  // false: the catalog could not be written
  };

  Task<Found> find_or_fetch(nix::StorePathHash hash, Prefetch prefetch);
  Task<Found> from_store(const nix::StorePathHash& hash);
  Task<Found> from_upstreams(const nix::StorePathHash& hash, Prefetch prefetch);

  // Errors: corrupt: it cannot be what was asked for.
  Task<Judged> judge(const nix::StorePathHash& hash, std::string_view text);
  Result<Judged> judge_now(const nix::StorePathHash& hash, std::string_view text) const;
  Task<std::optional<Accepted>> accept(const nix::StorePathHash& hash, std::string_view text,
                                       std::string_view from);

  boost::asio::awaitable<Indexed> index(const nix::StorePathHash& hash, const nix::NarInfo& info,
                                        std::string text, std::string upstream);
  Task<Found> keep(const nix::StorePathHash& hash, Accepted accepted, std::string text,
                   std::string upstream, Prefetch prefetch);
  Task<Found> serve(Accepted accepted, const nix::NarUrl& url, std::string_view how);

  storage::BlobStore& store_;
  db::Catalog& catalog_;
  const upstream::UpstreamSet& upstreams_;
  Downloads& downloads_;
  Pool& cpu_;  // parsing, signatures and hashes are not for an io thread
  const Live<Trust>& trust_;
  SingleFlight<nix::StorePathHash, Found> flights_;
};

}  // namespace ncps::cache
