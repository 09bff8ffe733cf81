// Turns errno into an Error that names the action and the path.
#pragma once

#include <string_view>

#include "base/error.h"

namespace ncps {

// Kinds: not_found for ENOENT and ENOTDIR, conflict for EEXIST, unavailable for everything else
// (also EACCES and ENOSPC: somebody can mend those, and "could not find out" must not look like
// "absent").
Error posix_error(std::string_view action, std::string_view path, int error_number);

// The same for writing: always unavailable. A folder that is gone keeps us from writing, it does not make
// absent what somebody asked for.
Error posix_write_error(std::string_view action, std::string_view path, int error_number);

}  // namespace ncps
