// A folder of ours in one that belongs to everybody, such as /tmp, where somebody else may have been first.
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ncps::storage {

// Makes it, and what it lies in, if missing. Errors: unavailable: it cannot be made; it is a link, somebody
// else's, or one where others may write.
Result<void> make_own_folder(const std::filesystem::path& folder);

}  // namespace ncps::storage
