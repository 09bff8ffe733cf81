// The catalog in a SQLite file.
#pragma once

#include <filesystem>
#include <memory>

#include "db/catalog.h"

namespace ncps::db {

// Creates the file and its folder if missing, and brings the schema up to date; several processes
// may do so at once. Owns its threads: reads on three, writes on one. Blocks while it opens.
// Errors: unavailable (cannot be opened), conflict (made by a newer program; nothing is changed).
Result<std::unique_ptr<Catalog>> open_sqlite(const std::filesystem::path& path);

}  // namespace ncps::db
