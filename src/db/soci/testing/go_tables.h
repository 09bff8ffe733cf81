// Tables as the Go program leaves them, written by hand: those of its first four versions, and those
// of its later ones, which keep narinfos in columns. With the least that its rows have.
#pragma once

#include <string>

#include "db/database_url.h"

namespace ncps::testing {

// Of the first four versions: the tables narinfos, nars and schema_migrations. Makes a SQLite file
// and its folder. Each function throws when the database does not do what it is told.
void make_early_go_tables(const db::DatabaseUrl& url);

// Of the later ones; schema_migrations as goose keeps it.
void make_late_go_tables(const db::DatabaseUrl& url);

// One statement.
void execute(const db::DatabaseUrl& url, const std::string& sql);

// The first column of the first row, as text; "NULL"; "none", if there is no row.
std::string ask(const db::DatabaseUrl& url, const std::string& sql);

}  // namespace ncps::testing
