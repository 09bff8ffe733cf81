// The options of how instances find and know each other.
#pragma once

#include "config/reader.h"
#include "config/serve_options.h"

namespace ncps::config {

// Into peer_secret, advertise_url and poll_timeout.
void read_peers(Reader& read, ServeOptions& into);

}  // namespace ncps::config
