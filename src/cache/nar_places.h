// Where the Go program may have left the NAR of a narinfo, and what we announce of it there. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "db/go_database.h"
#include "nix/nar_info.h"
#include "nix/nar_url.h"

namespace ncps::cache {

struct NarPlace {
  nix::NarUrl url;    // the file's name, and the URL to announce
  nix::NarInfo info;  // that describes the file
  enum class How : std::uint8_t {
    as_it_is,     // info is the narinfo that we got
    renamed,      // the same, with another URL
    redescribed,  // with another compression, too, and without FileHash and FileSize
  };
  How how;
};

// The best one first. First of all the narinfo's own URL; of a NAR without compression that is
// stored with zstd the name that we would give it (compressed_by_us), under which it can be fetched
// again; then files that another narinfo describes. `files`: those that its database names.
std::vector<NarPlace> nar_places(const nix::NarInfo& info, std::span<const db::GoNarFile> files);

}  // namespace ncps::cache
