// --cache-database-url, read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::db {

struct DatabaseUrl {
  std::filesystem::path sqlite_path;
};

// "sqlite:/p/db", "sqlite:///p/db", "sqlite:rel.db"; also "sqlite3:"; the scheme in any case;
// "?options" are dropped, '#' belongs to the path. Errors: invalid; the message never holds the URL
// (it may hold a password).
Result<DatabaseUrl> parse_database_url(std::string_view url);

}  // namespace ncps::db
