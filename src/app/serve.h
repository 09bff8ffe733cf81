// `ncps serve`: builds everything, waits for a signal, takes everything down in order.
#pragma once

#include "config/serve_options.h"

namespace ncps::app {

// Returns the exit status: 0 after a clean stop, 1 if it could not start or not stop.
int serve(const config::ServeOptions& options);

}  // namespace ncps::app
