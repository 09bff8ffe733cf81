// replace_narinfo: a narinfo in place of one that is known, in one transaction. Only for this folder.
//
// For one thread at a time. What throws, throws what SOCI throws.
#pragma once

#include <soci/soci.h>

#include <optional>
#include <string>

#include "db/catalog.h"

namespace ncps::db {

// As UploadRows::replace_narinfo.
Result<bool> replace_narinfo(soci::session& sql, const NarInfoRow& narinfo, const NarRow& nar,
                             const std::optional<std::string>& before);

}  // namespace ncps::db
