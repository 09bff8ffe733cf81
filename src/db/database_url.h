// --cache-database-url, read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::db {

enum class DatabaseKind : std::uint8_t { sqlite, postgresql, mysql };

struct DatabaseUrl {
  DatabaseKind kind;
  std::filesystem::path sqlite_path;  // empty unless sqlite
};

// "sqlite:/p/db", "sqlite:///p/db", "sqlite:rel.db"; also "sqlite3:"; the scheme in any case;
// "?options" are dropped, '#' belongs to the path. Errors: invalid; the message never holds the URL
// (it may hold a password).
Result<DatabaseUrl> parse_database_url(std::string_view url);

}  // namespace ncps::db
