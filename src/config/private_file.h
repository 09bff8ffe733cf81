// A file that holds a secret key.
#pragma once

#include <string>

#include "base/result.h"

namespace ncps::config {

// Errors: invalid: it cannot be read, or everybody may read it.
Result<std::string> read_private_file(const std::string& path);

}  // namespace ncps::config
