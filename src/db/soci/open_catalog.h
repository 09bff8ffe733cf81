// What is kept in a database: a SQLite file, PostgreSQL, MySQL or MariaDB.
#pragma once

#include <memory>

#include "db/database.h"
#include "db/database_url.h"
#include "db/pool_limits.h"

namespace ncps::db {

// Brings the schema up to date; several processes may do so at once. A SQLite file is created with
// its folder if missing. Owns its threads. Blocks while it opens. `limits` are for servers: a
// SQLite file is read by three threads and written by one. Errors: unavailable (cannot be opened or
// asked), conflict (made by a newer program; nothing is changed). No message holds the password.
Result<Database> open_database(const DatabaseUrl& url, const PoolLimits& limits);

// The same, for who needs the catalog alone.
Result<std::unique_ptr<Catalog>> open_catalog(const DatabaseUrl& url, const PoolLimits& limits);

}  // namespace ncps::db
