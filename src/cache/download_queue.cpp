#include "cache/download_queue.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace ncps::cache {

DownloadQueue::EntryPtr DownloadQueue::find(const nix::NarUrl& url) const {
  auto it = known_.find(url);
  return it == known_.end() ? nullptr : it->second;
}

DownloadQueue::EntryPtr DownloadQueue::find_for_client(const nix::NarUrl& url) {
  auto entry = find(url);
  if (entry && !entry->running && entry->wanted == Wanted::by_nobody) {
    std::erase(prefetches_, entry);
    entry->wanted = Wanted::by_client;
    clients_.push_back(entry);
  }
  return entry;
}

// Of the queue. Where fewer than that wait nobody need count.
bool DownloadQueue::has_its_share(const std::string& from) const {
  auto share = std::max<std::size_t>(1, limits_.queued_clients / 2);
  if (from.empty() || clients_.size() < share) return false;
  auto its =
      std::ranges::count_if(clients_, [&](const auto& entry) { return entry->from == from; });
  return static_cast<std::size_t>(its) >= share;
}

DownloadQueue::Admission DownloadQueue::add(const EntryPtr& entry) {
  if (stopped_) return Admission::stopped;
  bool by_client = entry->wanted == Wanted::by_client;
  bool full = by_client ? clients_.size() >= limits_.queued_clients || has_its_share(entry->from)
                        : prefetches_.size() >= limits_.queued_prefetches;
  if (full) return Admission::full;
  CHECK(known_.emplace(entry->job.url, entry).second);
  (by_client ? clients_ : prefetches_).push_back(entry);
  return Admission::queued;
}

// The first of those whose clients have the fewest running, but of what is excluded.
DownloadQueue::EntryPtr DownloadQueue::take_fair() {
  if (clients_.empty()) return nullptr;
  std::map<std::string_view, std::size_t> running;
  for (const auto& entry : running_)
    if (!entry->from.empty()) ++running[entry->from];
  auto runs = [&](const EntryPtr& entry) {
    auto it = running.find(entry->from);
    return it == running.end() ? 0 : it->second;
  };
  auto best = clients_.end();
  for (auto it = clients_.begin(); it != clients_.end(); ++it) {
    if (excluded_.contains((*it)->job.url)) continue;
    if (best == clients_.end() || runs(*it) < runs(*best)) best = it;
    if (runs(*best) == 0) break;
  }
  if (best == clients_.end()) return nullptr;
  auto next = std::move(*best);
  clients_.erase(best);
  return next;
}

std::size_t DownloadQueue::prefetching() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      running_, [](const auto& entry) { return entry->wanted == Wanted::by_nobody; }));
}

DownloadQueue::EntryPtr DownloadQueue::take_prefetch() {
  if (prefetches_.empty() || prefetching() >= limits_.prefetching) return nullptr;
  auto it = std::ranges::find_if(
      prefetches_, [&](const auto& entry) { return !excluded_.contains(entry->job.url); });
  if (it == prefetches_.end()) return nullptr;
  auto next = std::move(*it);
  prefetches_.erase(it);
  return next;
}

DownloadQueue::EntryPtr DownloadQueue::take_next() {
  if (running_.size() >= limits_.running) return nullptr;
  auto next = take_fair();
  if (!next) next = take_prefetch();
  if (!next) return nullptr;
  next->running = true;
  running_.push_back(next);
  return next;
}

void DownloadQueue::forget(const EntryPtr& entry) {
  auto it = known_.find(entry->job.url);
  if (it != known_.end() && it->second == entry) known_.erase(it);
  if (!entry->running && entry->wanted == Wanted::by_nobody) std::erase(prefetches_, entry);
}

void DownloadQueue::end(const EntryPtr& entry) {
  forget(entry);
  CHECK(std::erase(running_, entry) == 1);
}

bool DownloadQueue::exclude(const nix::NarUrl& url) {
  return !known_.contains(url) && excluded_.insert(url).second;
}

std::vector<DownloadQueue::EntryPtr> DownloadQueue::stop() {
  stopped_ = true;
  std::vector<EntryPtr> waited;
  for (auto* queue : {&clients_, &prefetches_}) {
    std::ranges::move(*queue, std::back_inserter(waited));
    queue->clear();
  }
  for (const auto& entry : waited) forget(entry);
  return waited;
}

}  // namespace ncps::cache
