// Fences of leases in rows: whoever comes with a smaller one than is stored comes too late. Only for
// this folder.
//
// For one thread at a time. What throws, throws what SOCI throws.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "db/soci/dialect.h"
#include "nix/nar_url.h"

namespace ncps::db {

// The lease of a round of eviction.
inline constexpr std::string_view kRound = "lru";

// What a stored fence may be at most; of 0, which is no fence, anything.
inline long long fence_limit(std::uint64_t fence) {
  constexpr auto kMost = std::numeric_limits<long long>::max();
  return fence == 0 || fence > static_cast<std::uint64_t>(kMost) ? kMost
                                                                 : static_cast<long long>(fence);
}

// Stores it, unless a greater one is stored. False: a greater one is.
bool claim_nar(soci::session& sql, const nix::NarUrl& url, std::uint64_t fence);
bool claim_lease(const Dialect& dialect, soci::session& sql, std::string_view name,
                 std::uint64_t fence);

}  // namespace ncps::db
