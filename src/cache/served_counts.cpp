#include "cache/served_counts.h"

namespace ncps::cache {

Served add_up(const std::vector<db::DailyCount>& counts) {
  Served sum;
  for (const auto& count : counts) {
    bool info_hit = count.name == kNarInfoHit, info_miss = count.name == kNarInfoMiss;
    bool nar_hit = count.name == kNarHit || count.name == kNarShared;
    if (info_hit || info_miss) sum.narinfos += count.number;
    if (info_hit) sum.narinfo_hits += count.number;
    if (count.name == kNarInfoNone) sum.narinfos_missing += count.number;
    if (nar_hit || count.name == kNarMiss) {
      sum.nars += count.number;
      sum.bytes += count.bytes;
    }
    if (nar_hit) {
      sum.nar_hits += count.number;
      sum.bytes_saved += count.bytes;
    }
  }
  return sum;
}

double rate(std::uint64_t hits, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(all);
}

}  // namespace ncps::cache
