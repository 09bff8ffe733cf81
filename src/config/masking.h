// What of a value may be said to people.
#pragma once

#include <string>

#include "config/option_table.h"

namespace ncps::config {

// The value of an option without what is secret in it: passwords of URLs, also of malformed ones,
// and signing keys that stand where something else belongs. "********" for a secret. On one line.
std::string masked(const OptionSpec& option, const std::string& value);

}  // namespace ncps::config
