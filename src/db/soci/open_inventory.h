// The inventory of a database: a SQLite file, PostgreSQL, MySQL or MariaDB.
#pragma once

#include <memory>

#include "db/database_url.h"
#include "db/inventory.h"

namespace ncps::db {

// Of a database that open_catalog or open_import has brought up to date. Connects at the first call;
// owns its threads, apart from those of a catalog, so that reading through all rows holds up nobody.
// Access read: nothing is changed, what would write fails; a schema that is not up to date is
// refused. Errors: unavailable, conflict (the schema).
enum class InventoryAccess : bool { read, write };
Result<std::unique_ptr<Inventory>> open_inventory(const DatabaseUrl& url, InventoryAccess access);

}  // namespace ncps::db
