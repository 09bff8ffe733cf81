// The inventory of a database: a SQLite file, PostgreSQL, MySQL or MariaDB.
#pragma once

#include <memory>

#include "db/database_url.h"
#include "db/inventory.h"

namespace ncps::db {

enum class InventoryAccess : bool { read, write };

// Of a database whose schema is that of this version. Owns its threads, apart from those of a
// catalog, so that reading through all rows holds up nobody. Access read: nothing is changed, what
// would write fails. Blocks while it connects. Errors: conflict (another schema), unavailable. No
// message holds the password.
Result<std::unique_ptr<Inventory>> open_inventory(const DatabaseUrl& url, InventoryAccess access);

}  // namespace ncps::db
