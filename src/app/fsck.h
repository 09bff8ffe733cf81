// `ncps fsck`: whether store and database agree, and mending of what does not.
#pragma once

#include <optional>
#include <string>

#include "config/load.h"

namespace ncps::app {

struct FsckRequest {
  bool repair = false;
  bool dry_run = false;  // write nothing at all, not even what was verified; do not ask
  bool verify_content = false;
  bool json = false;
  std::string verified_since;  // a duration: NARs verified since then are not read again; or empty
  std::string settling;        // a duration: between the two looks at what seems wrong; or empty
};

// Of the options those of storage, database and keys count. Progress and what was found go to stderr,
// the summary to stdout. On a terminal, without `repair`, it asks whether to mend what it found.
// Returns the exit status: 0 nothing found, or all of it mended; 1 found; 2 it could not find out.
int fsck(const FsckRequest& request, const config::Loaded& loaded);

}  // namespace ncps::app
