// NarService: a NAR by its URL, wherever it is: at rest, on its way, or still at an upstream.
//
// Thread-safe. Errors: not_found (confirmed: no upstream has it), upstream, timeout, corrupt,
// unavailable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "cache/downloads.h"
#include "cache/in_use.h"
#include "cache/pass_through.h"
#include "db/catalog.h"
#include "nix/nar_url.h"
#include "nix/store_path_hash.h"
#include "rt/deadline.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

// A NAR that can be read now, at least its beginning.
class OpenNar {
 public:
  OpenNar(std::unique_ptr<storage::Blob> blob, InUse::Token token);
  explicit OpenNar(PassThrough direct);
  OpenNar(std::shared_ptr<Spool> spool, Spool::Client client, std::optional<std::uint64_t> total,
          std::string_view how);

  std::optional<std::uint64_t> size() const noexcept {
    return size_;
  }  // bytes; absent: not known yet
  // Waits until size() is known. Errors: what failed the download; timeout.
  Task<void> wait_for_size(Deadline deadline);
  // "hit", "inflight", "miss", "peer": from the instance that downloads it
  std::string_view how() const noexcept { return how_; }
  std::string upstream() const;  // that it comes from just now; empty: it is at rest
  std::weak_ptr<const storage::SharedFile> kept_open() const;  // storage::Blob::kept_open()

  // From `first` on, `length` bytes or to the end. REQUIRES: within size(), if that is known; once,
  // if it is passed through.
  std::unique_ptr<ByteSource> read(std::uint64_t first, std::optional<std::uint64_t> length);

 private:
  struct AtRest {
    std::unique_ptr<storage::Blob> blob;
    InUse::Token token;
  };
  struct Arriving {
    std::shared_ptr<Spool> spool;
    Spool::Client client;
  };
  struct Passing {
    std::unique_ptr<ByteSource> bytes;
    std::string upstream;
  };
  std::variant<AtRest, Arriving, Passing> from_;
  std::optional<std::uint64_t> size_;
  std::string_view how_;
};

// Brings the narinfo of that store path into the catalog, if there is one. Errors: could not find
// out.
using BringNarInfo = std::function<Task<void>(nix::StorePathHash, Deadline)>;

class NarService {
 public:
  static constexpr std::size_t kPassing = 32;  // NARs passed through at once

  // `bring`: for NARs of which only the URL is known, and that names a store path; empty: nobody
  // can.
  NarService(storage::BlobStore& store, db::Catalog& catalog,
             const upstream::UpstreamSet& upstreams, Downloads& downloads, BringNarInfo bring = {})
      : store_(store),
        catalog_(catalog),
        upstreams_(upstreams),
        downloads_(downloads),
        bring_(std::move(bring)) {}

  // Starts a download if it must. The deadline is for its first bytes. `part`: probably no more than
  // that will be read. `from`: the client's address, or empty (Downloads::join).
  Task<OpenNar> open(const nix::NarUrl& url, Deadline deadline,
                     std::optional<storage::Part> part = std::nullopt, std::string_view from = {});

  // Where a client may have it without us (BlobStore::outside_url); nullopt: it is not at rest, or the
  // store gives no such URLs.
  Task<std::optional<std::string>> outside_url(const nix::NarUrl& url, storage::Asking asking);
  bool has_outside_urls() const noexcept { return store_.has_outside_urls(); }

  // What is at rest here; nullopt: nothing. No upstream is asked.
  Task<std::optional<OpenNar>> open_kept(const nix::NarUrl& url,
                                         std::optional<storage::Part> part = std::nullopt);

  // Returns when it is not on its way here (any more). Errors: timeout.
  Task<void> arrived(nix::NarUrl url, Deadline deadline) {
    return downloads_.ended(std::move(url), deadline);
  }

  // Whether somebody reads it now from where it is at rest.
  bool is_read(const nix::NarUrl& url) { return in_use_.contains(url); }

  // Whether open() would succeed, without downloading, and the size; absent: it is here, or at an
  // upstream, but nobody knows yet how large it will be. Of a download that is under way it waits for the
  // start, until `deadline`.
  Task<std::optional<std::uint64_t>> size_of(nix::NarUrl url, Deadline deadline);

 private:
  // What is neither under way nor at rest: nullopt with a download of it under way now, in `spool`.
  Task<std::optional<OpenNar>> begin_download(const nix::NarUrl& url, Deadline deadline,
                                              std::string_view from, std::shared_ptr<Spool>& spool);
  // nullopt: it failed at its start for one who came between its end and the store: look again.
  Task<std::optional<OpenNar>> open_spool(std::shared_ptr<Spool> spool, std::string_view how,
                                          Deadline deadline);
  // nullopt: there is room to fetch it as usual.
  Task<std::optional<OpenNar>> pass_through(const DownloadJob& job, Deadline deadline);
  Task<DownloadJob> find_job(const nix::NarUrl& url, Deadline deadline);
  Task<std::optional<db::NarRow>> find_by_store_path(const nix::NarUrl& url,
                                                     const nix::StorePathHash& hash,
                                                     Deadline deadline);

  storage::BlobStore& store_;
  db::Catalog& catalog_;
  const upstream::UpstreamSet& upstreams_;
  Downloads& downloads_;
  BringNarInfo bring_;
  InUse in_use_;
  Slots passing_{kPassing};
};

}  // namespace ncps::cache
