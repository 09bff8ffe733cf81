// The catalog in a SQLite file, by its path.
#pragma once

#include <filesystem>

#include "db/soci/open_catalog.h"

namespace ncps::db {

inline Result<std::unique_ptr<Catalog>> open_sqlite(const std::filesystem::path& path) {
  return open_catalog({.kind = DatabaseKind::sqlite, .sqlite_path = path}, {});
}

}  // namespace ncps::db
