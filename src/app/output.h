// The standard output of commands whose answer must not be lost: a key, a token, a configuration.
#pragma once

#include <string_view>

#include "base/result.h"

namespace ncps::app {

// All of it, at once. Errors: unavailable (a full disk behind it, or nobody who reads it).
Result<void> write_out(std::string_view text);

}  // namespace ncps::app
