// `ncps serve`: builds everything, waits for signals, takes everything down in order.
#pragma once

#include <functional>

#include "config/load.h"

namespace ncps::app {

// `reload` reads the options anew, for SIGHUP. Returns the exit status: 0 after a clean stop, 1 if
// it could not start or not stop.
int serve(const config::Loaded& loaded, const std::function<config::Loaded()>& reload);

}  // namespace ncps::app
