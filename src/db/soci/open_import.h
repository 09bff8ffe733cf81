// What `ncps import` reads and writes, in a SQLite file, PostgreSQL, MySQL or MariaDB.
#pragma once

#include <memory>

#include "db/catalog_import.h"
#include "db/database_url.h"
#include "db/go_database.h"

namespace ncps::db {

enum class DryRun : bool { no, yes };

// Into the catalog of that database, which is made and brought up to date as open_catalog does. Dry
// run: put() says what it would do, and nothing is made, brought up to date or written; a database
// that is missing, or has no such table, knows nothing yet. Owns a thread; its calls wait in turn.
// Errors: as open_catalog.
Result<std::unique_ptr<CatalogImport>> open_import(const DatabaseUrl& url, DryRun dry_run);

// Read-only. Errors: conflict (its tables are not those of such a version of the Go program; says
// what to do), unavailable. No message holds the password.
Result<std::unique_ptr<GoDatabase>> open_go_database(const DatabaseUrl& url);

}  // namespace ncps::db
