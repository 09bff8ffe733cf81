#include "cache/missing_memory.h"

namespace ncps::cache {

void MissingMemory::put(const nix::StorePathHash& hash, World world, Clock::time_point now) {
  auto ttl = std::chrono::milliseconds(ttl_.load());
  if (ttl.count() <= 0) return;
  missing_.with([&](Map& map) {
    if (map.size() >= most_)
      std::erase_if(map, [&](const auto& item) {
        return item.second.expires <= now || item.second.world != world;
      });
    if (map.size() >= most_) map.clear();
    map.insert_or_assign(hash, Entry{.expires = now + ttl, .world = world});
  });
}

bool MissingMemory::has(const nix::StorePathHash& hash, World world, Clock::time_point now) {
  return missing_.with([&](Map& map) {
    auto it = map.find(hash);
    if (it == map.end()) return false;
    if (now < it->second.expires && it->second.world == world) return true;
    map.erase(it);
    return false;
  });
}

}  // namespace ncps::cache
