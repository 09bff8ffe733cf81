// `ncps pin`: which store paths are kept with their closures. Beside a server or without one.
#pragma once

#include <string>

#include "config/load.h"

namespace ncps::app {

enum class PinCommand : std::uint8_t { add, remove, list };

// Of the options those of storage and database count. `path`: of a store path, or its hash; not for
// list. Returns the exit status: 0 done, 1 it was so already, 2 it could not.
int pin(PinCommand command, const std::string& path, const config::Loaded& loaded);

}  // namespace ncps::app
