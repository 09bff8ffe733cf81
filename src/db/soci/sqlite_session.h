// Opening a SQLite file through SOCI, and bringing its schema up to date. Only for this folder.
#pragma once

#include <soci/soci.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace ncps::db {

// WAL, so that readers never wait for the writer; a busy file is waited for, at most 10 s.
// Errors: unavailable.
Result<std::unique_ptr<soci::session>> open_session(const std::filesystem::path& path);

// Applies what is pending in one exclusive transaction: of two processes one migrates, the other
// finds it done. Errors: conflict (a version we do not know), unavailable.
Result<void> migrate(soci::session& sql);

}  // namespace ncps::db
