#include "cache/downloads.h"

#include <algorithm>
#include <thread>

namespace ncps::cache {
namespace {

Error stopped() {
  return Error(ErrorKind::unavailable, "the server is shutting down");
}

}  // namespace

Downloads::Downloads(Runtime& runtime, DownloadDeps deps, DownloadLimits limits)
    : runtime_(runtime), deps_(deps), limits_(limits) {}

Downloads::~Downloads() = default;

void Downloads::promote(State& state, const EntryPtr& entry) {
  if (entry->running || entry->asked == Asked::by_client) return;
  std::erase(state.prefetches, entry);
  entry->asked = Asked::by_client;
  state.clients.push_back(entry);
}

void Downloads::forget_if_failed(const nix::NarUrl& url) {
  auto entry = state_.with([&](const State& s) {
    auto it = s.all.find(url);
    return it == s.all.end() ? nullptr : it->second;
  });
  if (!entry || entry->spool->view().state != SpoolState::failed) return;
  state_.with([&](State& s) { forget(s, entry); });
}

void Downloads::forget(State& state, const EntryPtr& entry) {
  auto it = state.all.find(entry->job.url);
  if (it != state.all.end() && it->second == entry) state.all.erase(it);
}

std::shared_ptr<Spool> Downloads::find(const nix::NarUrl& url) {
  forget_if_failed(url);
  auto spool = state_.with([&](State& s) -> std::shared_ptr<Spool> {
    auto it = s.all.find(url);
    if (it == s.all.end()) return nullptr;
    promote(s, it->second);
    return it->second->spool;
  });
  if (spool) start_what_may();
  return spool;
}

std::shared_ptr<Spool> Downloads::join(DownloadJob job) {
  forget_if_failed(job.url);
  auto spool = state_.with([&](State& s) {
    auto [it, fresh] = s.all.try_emplace(job.url);
    if (!fresh) {
      promote(s, it->second);
      return it->second->spool;
    }
    it->second = std::make_shared<Entry>(Entry{.job = std::move(job), .asked = Asked::by_client});
    if (s.stopped) {
      auto refused = it->second->spool;
      s.all.erase(it);
      refused->fail(stopped());
      return refused;
    }
    s.clients.push_back(it->second);
    return it->second->spool;
  });
  start_what_may();
  return spool;
}

void Downloads::prefetch(DownloadJob job) {
  forget_if_failed(job.url);
  state_.with([&](State& s) {
    if (s.stopped || s.prefetches.size() >= limits_.queued_prefetches) return;
    auto [it, fresh] = s.all.try_emplace(job.url);
    if (!fresh) return;
    it->second = std::make_shared<Entry>(Entry{.job = std::move(job), .asked = Asked::by_nobody});
    s.prefetches.push_back(it->second);
  });
  start_what_may();
}

Downloads::EntryPtr Downloads::take_next(State& s) const {
  if (s.running >= limits_.running) return nullptr;
  EntryPtr next;
  if (!s.clients.empty()) {
    next = std::move(s.clients.front());
    s.clients.pop_front();
  } else if (!s.prefetches.empty() && s.prefetching < limits_.prefetching) {
    next = std::move(s.prefetches.front());
    s.prefetches.pop_front();
    ++s.prefetching;
  }
  if (next) {
    next->running = true;
    ++s.running;
  }
  return next;
}

void Downloads::start_what_may() {
  while (auto entry = state_.with([&](State& s) { return take_next(s); })) {
    group_.spawn(runtime_.next_executor(), "download", run(std::move(entry)));
  }
}

boost::asio::awaitable<void> Downloads::run(EntryPtr entry) {
  co_await run_download(deps_, entry->job, entry->spool);
  state_.with([&](State& s) {
    forget(s, entry);
    --s.running;
    if (entry->asked == Asked::by_nobody) --s.prefetching;
  });
  start_what_may();
}

bool Downloads::stop(Deadline deadline) {
  auto waiting = state_.with([](State& s) {
    s.stopped = true;
    std::deque<EntryPtr> all;
    std::ranges::move(s.clients, std::back_inserter(all));
    std::ranges::move(s.prefetches, std::back_inserter(all));
    s.clients.clear();
    s.prefetches.clear();
    for (const auto& entry : all) s.all.erase(entry->job.url);
    return all;
  });
  for (const auto& entry : waiting) entry->spool->fail(stopped());
  // What was taken from a queue counts as running a moment before it is in the group.
  while (group_.join_blocking(deadline)) {
    if (state_.with([](const State& s) { return s.running == 0; })) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace ncps::cache
