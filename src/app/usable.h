// Whether the options are right as far as storage and database go.
#pragma once

#include "config/load.h"

namespace ncps::app {

// False: there are mistakes that matter to a command that does not serve; they have been said. A
// server's name and upstreams do not.
bool usable(const config::Loaded& loaded);

}  // namespace ncps::app
