// The schema's versions, embedded from db/migrations/<dialect>/*.sql at build time.
//
// Source: dbmate's file format ("-- migrate:up") and its table schema_migrations(version).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ncps::db {

struct Migration {
  std::string_view dialect;  // "sqlite"
  std::string_view version;  // "20241210054814": digits, ascending
  std::string_view name;     // the file's name
  std::string_view up;       // SQL statements, each ended by ';' at the end of a line
};

// Ordered by dialect and version.
std::span<const Migration> all_migrations();

// Which of `known` have to be applied to a database that has `applied`, in order.
// Errors: conflict, if the database has a version that this program does not know: it was made by a
// newer one, and nothing may be changed.
Result<std::vector<Migration>> pending(std::string_view dialect, std::span<const Migration> known,
                                       const std::vector<std::string>& applied);

// What to do with a database that was made by a newer program, of which the Go program's later
// versions are the likely one.
inline constexpr std::string_view kTakeOver =
    "Start that one; or name another database and, if it is one of the Go program, take over what "
    "it holds with `ncps import --from-database-url=`";

// The statements of a migration, without comments and empty ones. No statement of ours holds a
// ';' or a "--" in a literal.
std::vector<std::string> statements(std::string_view sql);

}  // namespace ncps::db
