// Whether the bytes of a NAR at rest are right, and what is done with those that are not.
//
// Used by fsck, beside a server, and by the server's own scrub. What cannot be read is never taken
// for wrong.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "cache/nar_verifier.h"
#include "cache/upload_answer.h"
#include "db/inventory.h"
#include "rt/offload.h"
#include "storage/blob_store.h"

namespace ncps::cache {

class NarInfoService;

// What the bytes that we keep under the row's URL must be. Pure.
NarExpectation expected_of(const db::NarRow& row);

// How many bytes that are, if it is known beforehand. Pure.
std::optional<std::uint64_t> expected_size(const db::NarRow& row);

// How fast bytes are read that nobody waits for. One user at a time.
class Pace {
 public:
  // 0: as fast as they come.
  explicit Pace(std::uint64_t bytes_per_second = 0) : rate_(bytes_per_second) {}

  // How long to wait after `bytes` more, at this moment. Pure but for what it remembers.
  std::chrono::nanoseconds pause_after(std::uint64_t bytes,
                                       std::chrono::steady_clock::time_point now);

 private:
  std::uint64_t rate_;
  std::chrono::steady_clock::time_point next_{};
};

struct NarCheckDeps {
  storage::BlobStore& store;
  db::Inventory& inventory;
  Pool& cpu;
  db::Catalog* catalog = nullptr;      // nullptr: nothing is removed
  UploadLocks* locks = nullptr;        // nullptr: of a server, if any
  NarInfoService* narinfos = nullptr;  // the same
  std::function<void(const nix::StorePathHash&)> forget =
      {};  // a narinfo that is served from memory
};

struct NarVerdict {
  enum class How : std::uint8_t {
    right,
    corrupt,
    absent,  // nothing lies there
  };
  How how;
  std::string why;                // of corrupt
  std::optional<NarFacts> facts;  // of right
  std::uint64_t bytes = 0;        // read
  // Of corrupt: what was read, as it was listed; absent: it went meanwhile.
  std::optional<storage::BlobEntry> read = {};
};

// Reads all of it, twice if it is not right the first time: a bit that flipped on the way does not
// flip again. What is signed is what counts: a file of another FileHash that holds the right NAR is
// right. `row` absent: its name must be its hash, or, if that is no hash, it must be a NAR.
// `stop`: set to end it soon. Errors: unavailable, timeout: could not find out; invalid: a
// compression that we cannot undo.
Task<NarVerdict> check_nar(NarCheckDeps deps, nix::NarUrl url, std::optional<db::NarRow> row,
                           Pace& pace, const std::atomic<bool>& stop);

// Removes a NAR that is not right; its row stays as the way to fetch it again. Whoever reads it goes on
// reading. One that has come anew since it was read stays: false. What a client sent can be fetched from
// nowhere: then its narinfos go, too, with their marks and rows, so that it can be sent again. `read`: of
// the verdict. Errors: unavailable, timeout.
Task<bool> discard_nar(NarCheckDeps deps, nix::NarUrl url, std::optional<storage::BlobEntry> read);

// The row says that it is at rest, and it is not. Of an upload the same goes. Nothing is noted unless the
// store answers. False: it has come again meanwhile, and is noted as stored. Errors: unavailable, timeout.
Task<bool> note_absent(NarCheckDeps deps, nix::NarUrl url);

// Whether a client sent it, and a narinfo promises it: nobody else may have it. Errors: unavailable.
Task<bool> is_promised_upload(NarCheckDeps deps, nix::NarUrl url);

}  // namespace ncps::cache
