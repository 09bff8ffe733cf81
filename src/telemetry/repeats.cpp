#include "telemetry/repeats.h"

#include <algorithm>

namespace ncps::log {

template <class Map>
void Repeats::forget_old(Map& map, Time now) {
  if (map.size() < kMost) return;
  std::erase_if(map, [&](const auto& entry) { return now - entry.second.begun >= kWindow; });
}

bool Repeats::may_write(std::string_view message, std::size_t texts, Time now) {
  forget_old(lines_, now);
  auto at = messages_.find(std::string(message));
  if (at == messages_.end()) {
    if (messages_.size() >= kMost) return true;
    at = messages_.emplace(message, Message{{.begun = now}}).first;
  }
  auto& whole = at->second;
  // A minute with something to tell goes on until it is told.
  if (whole.left_out == 0 && now - whole.begun >= kWindow) whole = Message{{.begun = now}};
  bool fits = whole.written < kSameMessage;
  if (fits && (lines_.size() < kMost || lines_.contains(texts))) {
    auto& line = lines_.try_emplace(texts, Line{.begun = now}).first->second;
    if (now - line.begun >= kWindow) line = Line{.begun = now};
    fits = line.written < kSame;
    if (fits) ++line.written;
  }
  if (fits) {
    ++whole.written;
  } else {
    ++whole.left_out;
    next_ = std::min(next_, whole.begun + kWindow);
  }
  return fits;
}

std::vector<Repeats::LeftOut> Repeats::left_out(Time now, bool all) {
  std::vector<LeftOut> told;
  next_ = Time::max();
  std::erase_if(messages_, [&](auto& entry) {
    auto& [message, state] = entry;
    bool over = all || now - state.begun >= kWindow;
    if (over && state.left_out > 0) told.push_back({message, state.left_out});
    if (!over && state.left_out > 0) next_ = std::min(next_, state.begun + kWindow);
    return over;
  });
  return told;
}

}  // namespace ncps::log
