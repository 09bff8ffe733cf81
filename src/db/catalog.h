// Catalog: what we know of narinfos and NARs. An index: the store is the truth and can rebuild it.
//
// Implementations: db/soci (SQLite, PostgreSQL, MySQL). All pass testing/catalog_contract.h; what is not tested there
// is not promised here. Thread-safe. Nothing blocks the caller's thread. Errors of every function:
// unavailable, if the database cannot be asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nix/compression.h"
#include "nix/hash.h"
#include "nix/nar_url.h"
#include "nix/store_path_hash.h"
#include "rt/task.h"

namespace ncps::db {

// A NAR that we announced: what its bytes must be, and where to fetch them (again).
struct NarRow {
  nix::NarUrl url;  // as announced to clients
  nix::Hash nar_hash;
  std::uint64_t nar_size;              // bytes, decompressed
  nix::Compression compression;        // of the upstream's file, as all that follows. What is kept
                                       // may be compressed by us: then the URL says so (cache)
  std::optional<nix::Hash> file_hash;  // absent: the upstream did not say
  std::optional<std::uint64_t> file_size;    // bytes of that file
  std::string upstream;                      // base URL of the cache that announced it
  std::string upstream_url;                  // its URL line there
  std::optional<std::uint64_t> stored_size;  // bytes at rest; absent: never noted as stored
};

// A narinfo that we keep.
struct NarInfoRow {
  nix::StorePathHash hash;
  std::string text;       // as the upstream wrote it
  std::string upstream;   // base URL of the cache it came from
  nix::NarUrl nar_url;    // under which its NAR is announced
  bool uploaded = false;  // a client sent it: no upstream's key need have signed it
};

// What was used. Each at most once, at most kMostAtOnce in all.
struct Uses {
  std::vector<nix::StorePathHash> narinfos;
  std::vector<nix::NarUrl> nars;
};

// The file behind an announced URL.
struct StoredNar {
  nix::NarUrl url;
  std::uint64_t size;  // bytes at rest
};

class UploadRows;

class Catalog {
 public:
  // Lists that are given or asked for have at most so many entries.
  static constexpr std::size_t kMostAtOnce = 500;

  virtual ~Catalog() = default;

  // How many calls of the database run, or wait for a connection, now.
  virtual std::size_t calls() const noexcept { return 0; }

  // Whether the database answers.
  virtual Task<void> check() = 0;

  // nullopt: we keep none.
  virtual Task<std::optional<NarInfoRow>> find_narinfo(nix::StorePathHash hash) = 0;

  // Keeps a narinfo and the way to its NAR, both or neither, replacing older ones. But an announced
  // URL stays what it was: of a NAR that is at rest nothing is changed, and an empty upstream
  // changes none. REQUIRES: narinfo.nar_url == nar.url. Errors: conflict, if the URL is another
  // NAR's.
  virtual Task<void> put_narinfo(NarInfoRow narinfo, NarRow nar) = 0;

  // nullopt: we never announced it.
  virtual Task<std::optional<NarRow>> find_nar(nix::NarUrl url) = 0;

  // Whoever has the lease of its download with that fence may publish it, and nobody with a smaller
  // one from now on. False: a greater one was here before. 0 is no fence: true. Of a URL that was
  // never announced there is nothing to fence: true.
  virtual Task<bool> claim(nix::NarUrl url, std::uint64_t fence) = 0;

  // The file behind an announced URL is at rest, verified just now, which is a use of it. Of one
  // never announced there is nothing to mark, nor for whom comes with a smaller fence than was claimed.
  virtual Task<void> mark_stored(nix::NarUrl url, std::uint64_t size, std::uint64_t fence = 0) = 0;

  // They were used then; using a narinfo is using its NAR. All or none of it is noted; of what is
  // not known there is nothing to note.
  virtual Task<void> note_uses(Uses uses, std::chrono::sys_seconds when) = 0;

  // Of what clients send and remove.
  virtual UploadRows& uploads() = 0;
};

}  // namespace ncps::db
