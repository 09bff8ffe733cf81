#include "server/nar_info_memory.h"

namespace ncps::server {
namespace {

// What one costs: text, head, hash table node.
std::size_t cost(const HotNarInfo& info) {
  return info.prepared->head.size() + info.prepared->body.size() + info.etag.size() + 256;
}

}  // namespace

Guarded<NarInfoMemory::Shard>& NarInfoMemory::shard_of(const nix::StorePathHash& hash) {
  return shards_[std::hash<nix::StorePathHash>{}(hash) % kShards];
}

void NarInfoMemory::insert(Shard& shard, const nix::StorePathHash& hash,
                           std::shared_ptr<const HotNarInfo> info) {
  if (auto before = shard.young.find(hash); before != shard.young.end()) {
    erase_young(shard, before);
    changed();
  }
  auto bytes = cost(*info);
  if (bytes > bytes_per_half_shard_) return;  // would push out everything else
  if (shard.young_bytes + bytes > bytes_per_half_shard_) {
    shard.old = std::exchange(shard.young, {});
    shard.young_bytes = 0;
  }
  shard.young_bytes += bytes;
  shard.young.emplace(hash, std::move(info));
}

void NarInfoMemory::erase_young(Shard& shard, Map::iterator it) {
  shard.young_bytes -= cost(*it->second);
  shard.young.erase(it);
}

std::shared_ptr<const HotNarInfo> NarInfoMemory::find(const nix::StorePathHash& hash,
                                                      HotSecond now) {
  return shard_of(hash).with([&](Shard& shard) -> std::shared_ptr<const HotNarInfo> {
    if (auto it = shard.young.find(hash); it != shard.young.end()) {
      return is_over(*it->second, now) ? nullptr : it->second;
    }
    auto it = shard.old.find(hash);
    if (it == shard.old.end() || is_over(*it->second, now)) return nullptr;
    auto info = std::move(it->second);
    shard.old.erase(it);
    insert(shard, hash, info);
    return info;
  });
}

void NarInfoMemory::put(const nix::StorePathHash& hash, HotNarInfo info, std::uint64_t epoch) {
  shard_of(hash).with([&](Shard& shard) {
    if (epoch != epoch_.load()) return;
    if (shard.old.erase(hash) > 0) changed();
    insert(shard, hash, std::make_shared<const HotNarInfo>(std::move(info)));
  });
}

void NarInfoMemory::forget(const nix::StorePathHash& hash) {
  epoch_.fetch_add(1);
  shard_of(hash).with([&](Shard& shard) {
    shard.old.erase(hash);
    auto it = shard.young.find(hash);
    if (it != shard.young.end()) erase_young(shard, it);
    changed();
  });
}

void NarInfoMemory::forget_all() {
  epoch_.fetch_add(1);
  for (auto& shard : shards_) shard.with([](Shard& s) { s = Shard(); });
  changed();
}

}  // namespace ncps::server
