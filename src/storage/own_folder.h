// A folder of ours in one that belongs to everybody, such as /tmp, where somebody else may have been first.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace ncps::storage {

enum class FolderWas : std::uint8_t {
  ours_alone,      // or was not there
  open_to_others,  // who may have renamed or replaced what lies there
};

// Makes it, and what it lies in, if missing. One that is ours, but where others may write, is taken from them
// (Kubernetes gives volumes to a group): its mode becomes 0700, and what is not ours in it, or a link, is
// removed. Errors: unavailable: it cannot be made, it is a link or somebody else's, or cannot be taken from
// them.
Result<FolderWas> make_own_folder(const std::filesystem::path& folder);

}  // namespace ncps::storage
