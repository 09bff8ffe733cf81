// What lies in the store, judged: as an upstream's, or, where a mark says that a client sent it, as
// a client's.
#pragma once

#include <string_view>

#include "cache/nar_info_judge.h"
#include "cache/upload_marks.h"

namespace ncps::cache {

// `text` must stay until this returns. Errors: corrupt (as NarInfoJudge::judge), unavailable (whether
// there is a mark could not be found out).
Task<Judged> judge_kept(const NarInfoJudge& judge, UploadMarks marks, nix::StorePathHash hash,
                        std::string_view text);

}  // namespace ncps::cache
