// What is counted by day, and what the numbers are good for. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "db/inventory.h"

namespace ncps::cache {

// The names of daily counts. Of narinfos no bytes are counted.
inline constexpr std::string_view kNarInfoHit = "narinfo_hit";    // served from what is kept
inline constexpr std::string_view kNarInfoMiss = "narinfo_miss";  // fetched first
inline constexpr std::string_view kNarInfoNone = "narinfo_none";  // no upstream has it
inline constexpr std::string_view kNarHit = "nar_hit";            // bytes: sent, or to be sent
inline constexpr std::string_view kNarShared = "nar_shared";      // joined a download under way
inline constexpr std::string_view kNarMiss = "nar_miss";

struct Served {
  std::uint64_t narinfos = 0, narinfo_hits = 0, narinfos_missing = 0;
  std::uint64_t nars = 0, nar_hits = 0;  // hits: also those that joined a download
  std::uint64_t bytes = 0;               // sent to clients
  std::uint64_t bytes_saved = 0;         // of these, those that no upstream had to send
};

// Of all the counts together.
Served add_up(const std::vector<db::DailyCount>& counts);

// 0 to 1; 0 if there were none.
double rate(std::uint64_t hits, std::uint64_t all);

}  // namespace ncps::cache
