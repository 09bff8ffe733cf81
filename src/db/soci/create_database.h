// Creates a database on its server, for `dbmate up`.
#pragma once

#include "base/result.h"
#include "db/database_url.h"

namespace ncps::db {

// Nothing to do if it is there, or is a SQLite file, which migrate() makes. Blocks. The user of the
// URL must be allowed to. Errors: unavailable.
Result<void> create_database(const DatabaseUrl& url);

}  // namespace ncps::db
