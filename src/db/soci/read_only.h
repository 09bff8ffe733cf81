// A database from which we only read: nothing in it, and no file beside it, is changed. Only for
// this folder.
//
// Source: https://sqlite.org/uri.html (mode=ro, immutable), https://sqlite.org/wal.html#readonly,
// https://sqlite.org/fileformat2.html (byte 18 of the header).
#pragma once

#include <memory>

#include "db/soci/dialect.h"

namespace ncps::db {

// As make_dialect(url, limits), but each session that it connects refuses to write. A SQLite file
// in WAL mode that nobody has open is read as one that nobody will change meanwhile: another look at
// it would leave files. Throws where it connects: also if the SQLite file is missing.
std::unique_ptr<Dialect> make_read_only(const DatabaseUrl& url, const PoolLimits& limits);

}  // namespace ncps::db
