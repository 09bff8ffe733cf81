// Whether something is done, or only looked at to say what would be done (a dry run).
#pragma once

#include <cstdint>

namespace ncps::cache {

enum class Changes : bool { none, all };

}  // namespace ncps::cache
