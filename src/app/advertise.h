// Where other instances reach this one.
#pragma once

#include <string>

#include "config/serve_options.h"
#include "http/listen_address.h"

namespace ncps::app {

// What --cache-advertise-url says; else the host of --server-addr; else, listening at every address,
// the one by which Redis sees us, or the name of this machine. With TLS it is https, and the
// certificate has to be good for that host. `actual`: where we listen. Empty: nobody
// can: there is no Redis, or only a Unix socket. Blocks for as long as the resolver of names takes.
std::string advertised_url(const config::ServeOptions& options, const http::ListenAddress& actual);

}  // namespace ncps::app
