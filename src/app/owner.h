// Commands that write to what another user's server keeps: as root they would leave files there that this
// server cannot read (keys are for their owner alone), and a database that it cannot write.
#pragma once

#include "config/serve_options.h"

namespace ncps::app {

// Before anything is touched. Errors: unavailable, if this is root and the folder of the storage, or an
// SQLite file or its folder, or what they would be made in, belongs to somebody else: says how to become them.
Result<void> check_owner(const config::ServeOptions& options);
Result<void> check_owner(const db::DatabaseUrl& database);

}  // namespace ncps::app
