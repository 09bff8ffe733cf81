// The words for an upstream's standing, for /status and metrics.
#pragma once

#include <array>
#include <string_view>

#include "upstream/upstream.h"

namespace ncps::upstream {

inline constexpr std::array kStandings{Standing::good, Standing::doubtful, Standing::trying,
                                       Standing::refused};

constexpr std::string_view name_of(Standing standing) noexcept {
  switch (standing) {
    case Standing::good: return "good";
    case Standing::doubtful: return "doubtful";
    case Standing::trying: return "trying";
    case Standing::refused: return "refused";
  }
  return "?";
}

}  // namespace ncps::upstream
