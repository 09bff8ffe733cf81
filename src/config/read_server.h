// The options of what the server bears from its clients, and of the proxies before it.
#pragma once

#include "config/reader.h"
#include "config/serve_options.h"

namespace ncps::config {

void read_server(Reader& read, ServeOptions& into);

}  // namespace ncps::config
