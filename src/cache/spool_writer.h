// SpoolWriter: what comes from an upstream goes into a spool, as it is or compressed on the way.
//
// Where an upstream has the NAR itself and we keep zstd, positions in the upstream's file and in
// the spool have nothing to do with each other: this is the one place that knows both. And where what
// comes is compressed by somebody else, this is where two packings of one NAR are kept apart: what does
// not begin as what is there already is refused. For one coroutine; what it is given must outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "cache/space.h"
#include "cache/spool.h"
#include "codec/zstd_encoder.h"
#include "rt/offload.h"

namespace ncps::cache {

enum class Intake : bool { as_it_is, compressed };

class SpoolWriter {
 public:
  // `space`: makes room if the disk is full; nullptr: nobody does.
  SpoolWriter(Spool& spool, Pool& disk, Pool& cpu, Space* space = nullptr)
      : spool_(spool), disk_(disk), cpu_(cpu), space_(space) {}

  // `total`: bytes of the file that comes, if known. REQUIRES: known, if it is to be compressed.
  // Errors: internal.
  Result<void> begin(std::unique_ptr<storage::StagedBlob> blob, Intake intake,
                     std::optional<std::uint64_t> total);

  // What comes now is another file of the same NAR, from its first byte on: what it makes must begin
  // with what is in the spool. REQUIRES: begun. Errors: internal.
  Result<void> restart(Intake intake, std::optional<std::uint64_t> total);

  // The next bytes of the file. Readers see them at once, or, compressed, when a block is full.
  // REQUIRES: begun. Errors: unavailable (our disk; after a restart: other bytes than those that are
  // there), internal.
  Task<void> append(std::string_view bytes);

  // All of the file was appended. Errors: as append.
  Task<void> finish();

  bool begun() const noexcept { return begun_; }
  std::uint64_t taken() const noexcept { return taken_; }  // bytes of the file that comes

 private:
  Task<void> write(std::string_view bytes);
  // How many of them, the first ones, are there already.
  Task<std::size_t> compare(std::string_view bytes);

  Spool& spool_;
  Pool& disk_;
  Pool& cpu_;
  Space* space_;
  std::optional<std::uint64_t> total_;  // of the file that comes
  std::optional<codec::ZstdEncoder> encoder_;
  bool begun_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;  // bytes that came of it, of those in the spool
};

}  // namespace ncps::cache
