// The options of TLS on the listening side, and the files that they name.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/reader.h"
#include "config/serve_options.h"

namespace ncps::config {

// A warning where a certificate is out of its time.
void read_tls(Reader& read, ServeOptions& into, std::vector<std::string>& warnings,
              std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace ncps::config
