#include "cache/use_log.h"

#include "telemetry/log.h"

namespace ncps::cache {

void UseLog::used(const nix::StorePathHash& hash) {
  shard_of(hash).with([&](Names& names) {
    if (names.size() < kMostInShard) names.narinfos.insert(hash);
  });
}

void UseLog::used(const nix::NarUrl& url) {
  shard_of(url).with([&](Names& names) {
    if (names.size() < kMostInShard) names.nars.insert(url);
  });
}

void UseLog::used(const storage::BlobKey& object, std::uint64_t size) {
  if (objects_ == nullptr) return;
  shard_of(object.str()).with([&](Names& names) {
    if (names.size() < kMostInShard) names.objects[object.str()] = size;
  });
}

void UseLog::forget(const storage::BlobKey& object) {
  shard_of(object.str()).with([&](Names& names) { names.objects.erase(object.str()); });
}

bool UseLog::is_pending(const nix::StorePathHash& hash) const {
  return shard_of(hash).with([&](const Names& names) { return names.narinfos.contains(hash); });
}

bool UseLog::is_pending(const nix::NarUrl& url) const {
  return shard_of(url).with([&](const Names& names) { return names.nars.contains(url); });
}

bool UseLog::is_pending(const storage::BlobKey& object) const {
  return shard_of(object.str()).with([&](const Names& names) {
    return names.objects.contains(object.str());
  });
}

void UseLog::start() {
  group_.spawn(runtime_.next_executor(), "noting uses", write_again_and_again());
}

boost::asio::awaitable<void> UseLog::write_again_and_again() {
  for (bool last = false; !last;) {
    auto seen = stop_.version();
    if (!stopping_) co_await stop_.wait_past(seen, Deadline::after(kEvery));
    last = stopping_;
    auto written = co_await write();
    if (!written)
      log::warn("what was used could not be noted", {{"error", written.error().what()}});
  }
}

Task<void> UseLog::write() {
  Result<void> outcome;
  for (auto& shard : shards_) {
    auto names = shard.with([](Names& all) { return std::exchange(all, {}); });
    while (!names.objects.empty() && outcome) {
      std::vector<db::ObjectUse> some;
      while (some.size() < db::Eviction::kMostAtOnce && !names.objects.empty()) {
        auto one = names.objects.extract(names.objects.begin());
        some.push_back({std::move(one.key()), one.mapped()});
      }
      outcome = co_await write_objects(std::move(some));
    }
    while (names.size() > 0 && outcome) {
      db::Uses uses;
      while (uses.narinfos.size() < db::Catalog::kMostAtOnce && !names.narinfos.empty())
        uses.narinfos.push_back(names.narinfos.extract(names.narinfos.begin()).value());
      while (uses.narinfos.size() + uses.nars.size() < db::Catalog::kMostAtOnce &&
             !names.nars.empty())
        uses.nars.push_back(std::move(names.nars.extract(names.nars.begin()).value()));
      outcome = co_await write_some(std::move(uses));
    }
    // The database is away: later.
    for (const auto& hash : names.narinfos) used(hash);
    for (const auto& url : names.nars) used(url);
    again(names.objects);
  }
  co_return outcome;
}

Task<void> UseLog::write_some(db::Uses uses) {
  using namespace std::chrono;
  auto now = floor<seconds>(system_clock::now());
  auto noted = co_await catalog_.note_uses(uses, now);
  if (noted) co_return noted;
  for (const auto& hash : uses.narinfos) used(hash);
  for (const auto& url : uses.nars) used(url);
  co_return noted;
}

Task<void> UseLog::write_objects(std::vector<db::ObjectUse> objects) {
  using namespace std::chrono;
  auto noted = co_await objects_->note_objects(objects, floor<seconds>(system_clock::now()));
  if (noted) co_return noted;
  std::unordered_map<std::string, std::uint64_t> left;
  for (auto& object : objects) left.emplace(std::move(object.key), object.size);
  again(left);
  co_return noted;
}

void UseLog::again(const std::unordered_map<std::string, std::uint64_t>& objects) {
  for (const auto& [key, size] : objects)
    if (auto parsed = storage::BlobKey::parse(key)) used(*parsed, size);
}

bool UseLog::stop(Deadline deadline) {
  stopping_ = true;
  stop_.notify();
  return group_.join_blocking(deadline);
}

}  // namespace ncps::cache
