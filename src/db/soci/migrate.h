// Brings a database's schema up to date. Each process of those that start at once finds it done, or
// does it.
//
// SQLite, PostgreSQL: all of it in one transaction, or nothing. MySQL cannot undo DDL: a migration
// that is killed in its middle is done again from its beginning, and what is there by then is
// passed over. The table schema_migrations_begun says which one that is; it is empty otherwise.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "db/database_url.h"

namespace ncps::db {

// Creates a SQLite file and its folder if missing. Blocks, at most a minute for another process.
// Returns the names of the migrations that it applied.
// Errors: conflict (a version that we do not know; nothing was changed), unavailable.
Result<std::vector<std::string>> migrate(const DatabaseUrl& url);

struct MigrationState {
  std::string name;  // of its file
  bool applied;
};

// All that we know, in order. Changes nothing; a SQLite file that is missing stays so.
// Errors: as migrate's.
Result<std::vector<MigrationState>> migration_states(const DatabaseUrl& url);

// For tests: called before each statement of a migration; what it throws ends it there.
using BeforeStatement = std::function<void(std::string_view statement)>;
Result<std::vector<std::string>> migrate(const DatabaseUrl& url, const BeforeStatement& before);

}  // namespace ncps::db
