#include "server/served_history.h"

namespace ncps::server {
namespace {

ServedProbe::Totals minus(const ServedProbe::Totals& a, const ServedProbe::Totals& b) {
  return {.narinfos = a.narinfos - b.narinfos,
          .narinfo_hits = a.narinfo_hits - b.narinfo_hits,
          .nars = a.nars - b.nars,
          .nar_hits = a.nar_hits - b.nar_hits,
          .bytes = a.bytes - b.bytes,
          .bytes_saved = a.bytes_saved - b.bytes_saved};
}

}  // namespace

void ServedHistory::add(Time now, const Totals& totals) {
  for (std::size_t i = 0; i < kWindows.size(); ++i) {
    auto& kept = pictures_[i];
    if (!kept.empty() && now - kept.back().when < kWindows[i].step) continue;
    kept.push_back({now, totals});
    // One that is as old as the window, or a little older, is what it begins with.
    while (kept.size() > 1 && now - kept[1].when >= kWindows[i].length) kept.pop_front();
  }
}

ServedHistory::Totals ServedHistory::within(std::size_t window, Time now,
                                            const Totals& totals) const {
  Totals before;
  for (const auto& picture : pictures_[window]) {
    if (now - picture.when < kWindows[window].length) break;
    before = picture.totals;
  }
  return minus(totals, before);
}

}  // namespace ncps::server
