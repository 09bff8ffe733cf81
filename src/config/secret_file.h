// Secrets that lie in files, so that none need stand on a command line or in an environment.
#pragma once

#include <string>

#include "base/result.h"

namespace ncps::config {

// "file:/path" is what that file holds, without the white space around it; anything else is the
// secret itself. Errors: invalid: the file cannot be read, or is empty. The message names the file,
// never what is in it.
Result<std::string> resolve_secret(const std::string& value);

}  // namespace ncps::config
