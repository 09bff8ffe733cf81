// NarUploads: NARs that clients send, into the store.
//
// Written into the store's own folder as they arrive, verified beside it (decompressed, walked,
// hashed), and visible under their URL only when all of it is right: then at rest, with a row, so
// that it survives a restart and other instances see it while its narinfo is still to come.
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "cache/downloads.h"
#include "cache/nar_verifier.h"
#include "cache/slots.h"
#include "cache/space.h"
#include "cache/upload_answer.h"
#include "db/upload_rows.h"
#include "rt/byte_source.h"
#include "rt/offload.h"
#include "storage/blob_store.h"
#include "telemetry/metrics.h"

namespace ncps::cache {

struct NarUploadDeps {
  storage::BlobStore& store;
  db::Catalog& catalog;
  Downloads& downloads;
  UploadLocks& locks;
  Pool& disk;
  Pool& cpu;
  Space* space = nullptr;          // nullptr: there is no limit
  metrics::Counter received = {};  // bytes of their files
};

// A NAR at rest, and what its bytes are.
struct KnownNar {
  db::NarRow row;
  nix::Compression kept_as;
  std::uint64_t size;  // of the file
};

class NarUploads {
 public:
  static constexpr std::size_t kAtOnce = 64;  // by default: each may need a decompressor's memory
  static constexpr std::uint64_t kMostNarBytes = 256ull << 30;  // decompressed

  explicit NarUploads(NarUploadDeps deps, std::size_t at_once = kAtOnce,
                      std::size_t waiting = Slots::kMostWaiting)
      : deps_(deps), slots_(at_once, waiting) {}

  // `most`: bytes of the file. `length`: what the client says of the body, if it does; what can never
  // be kept (Space::largest) is refused unread, or where it gets larger than that. `from`: the
  // client's address, of which no more than a share is taken in at once. Answers: kept, here, unfit,
  // conflict, too_large, no_room, busy. Errors: the body's, unavailable, timeout.
  Task<UploadAnswer> put(nix::NarUrl url, ByteSource& body, std::uint64_t most,
                         std::optional<std::uint64_t> length = {}, std::string from = {});

  // The NAR at rest under that URL, read and verified first if it has no row. nullopt: it is not at
  // rest. Errors: unavailable; corrupt: what lies there is no such NAR.
  Task<std::optional<KnownNar>> find(nix::NarUrl url, Deadline deadline);

  Slots::Load load() const { return slots_.load(); }

  // Nobody gets a place any more.
  void cut_off() { slots_.close(); }

 private:
  struct Arrived {
    NarFacts facts;
    nix::Compression compression;
    std::unique_ptr<storage::StagedBlob> blob;
  };
  class Intake;

  Task<UploadAnswer> keep(const nix::NarUrl& url, Arrived arrived);
  // What is at rest, and what came; nullopt: what is at rest is damaged, or went meanwhile, and what came is
  // right.
  Task<std::optional<UploadAnswer>> compare(const nix::NarUrl& url, storage::Blob& blob,
                                            const std::optional<db::NarRow>& row,
                                            const Arrived& arrived);
  Task<db::NarRow> index(const nix::NarUrl& url, const NarFacts& facts,
                         nix::Compression compression);
  Task<NarFacts> facts_of(const nix::NarUrl& url, storage::Blob& blob,
                          nix::Compression& compression, Deadline deadline);

  NarUploadDeps deps_;
  Slots slots_;
};

}  // namespace ncps::cache
