#include "upstream/track_record.h"

#include "fetch/unit_random.h"
#include "nix/store_path.h"
#include "telemetry/log.h"

namespace ncps::upstream {
namespace {

std::string_view without_slash(std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  return directory;
}

}  // namespace

int TrackRecord::priority() const noexcept {
  if (configured_priority_) return *configured_priority_;
  return state_.with([](const State& s) { return s.said_priority.value_or(kDefaultPriority); });
}

Standing TrackRecord::standing() const noexcept {
  return state_.with([](const State& s) { return s.health.standing(); });
}

std::uint64_t TrackRecord::returns() const noexcept {
  return state_.with([](const State& s) { return s.health.returns(); });
}

std::chrono::milliseconds TrackRecord::usual_delay() const noexcept {
  return state_.with([](const State& s) { return s.latency.usual(); });
}

Health::Time TrackRecord::next_probe() const noexcept {
  return state_.with([](const State& s) { return s.health.next_probe(); });
}

TrackRecord::Attempt::Attempt(TrackRecord& record, Health::Kind kind)
    : record_(record),
      attempt_(record.state_.with([&](State& s) { return s.health.begin(kind); })) {}

void TrackRecord::Attempt::end(Health::Outcome outcome, const Error* error) {
  if (std::exchange(ended_, true)) return;
  auto now = Deadline::Clock::now();
  auto random = fetch::unit_random();
  auto change = Health::Change::none;
  bool sooner = record_.state_.with([&](State& s) {
    auto before = s.health.next_probe();
    change = s.health.end(attempt_, outcome, now, random);
    return s.health.next_probe() < before;
  });
  if (sooner) record_.sooner_.notify();
  if (change == Health::Change::went) {
    log::warn("an upstream has failed: others are asked first until it is back",
              {{"upstream", record_.name_}, {"error", error != nullptr ? error->what() : ""}});
  } else if (change == Health::Change::came_back) {
    log::info("an upstream is back", {{"upstream", record_.name_}});
  }
}

void TrackRecord::answered_within(std::chrono::nanoseconds time) {
  state_.with([&](State& s) { s.latency.took(time); });
}

void TrackRecord::says(const nix::CacheInfo& info) {
  if (info == nix::CacheInfo()) return;
  auto directory = without_slash(info.store_dir ? std::string_view(*info.store_dir) : "");
  bool ours = directory.empty() || directory == nix::kStoreDir;
  bool changed = state_.with([&](State& s) {
    s.said_priority = info.priority;
    s.health.fits(ours);
    auto foreign = ours ? std::string_view() : directory;
    if (foreign == s.foreign_store_dir) return false;
    s.foreign_store_dir = foreign;
    return true;
  });
  if (!changed) return;
  if (ours) {
    log::info("an upstream has our StoreDir now", {{"upstream", name_}});
  } else {
    log::error("an upstream has another StoreDir than ours: IT IS NOT ASKED",
               {{"upstream", name_}, {"store_dir", directory}, {"ours", nix::kStoreDir}});
  }
}

}  // namespace ncps::upstream
