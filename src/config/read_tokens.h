// The options that say who may do what.
#pragma once

#include <string>
#include <vector>

#include "access/token.h"
#include "config/reader.h"

namespace ncps::config {

// Those of the options, named after their flags ("get-token"), and those of the files. A warning for
// each that is so short that it can be guessed.
std::vector<access::Token> read_tokens(Reader& read, std::vector<std::string>& warnings);

}  // namespace ncps::config
