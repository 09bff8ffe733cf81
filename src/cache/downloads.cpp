#include "cache/downloads.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "telemetry/span.h"

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
  if (!entry) return;
  auto outcome = entry->spool->view();
  if (outcome.state != SpoolState::failed) return;
  entry->lease->drop();
  state_.with([&](State& s) {
    note_outcome(s, *entry, outcome);
    forget(s, entry);
  });
  admitted_.notify();
}

void Downloads::forget(State& state, const EntryPtr& entry) {
  auto it = state.all.find(entry->job.url);
  if (it != state.all.end() && it->second == entry) state.all.erase(it);
}

void Downloads::put_liars_last(const State& state, DownloadJob& job) {
  auto it = state.rotten.find(job.url);
  if (it == state.rotten.end()) return;
  job.distrusts_peers = true;
  if (job.sources.empty()) return;
  auto turn = static_cast<std::ptrdiff_t>(it->second % job.sources.size());
  std::ranges::rotate(job.sources, job.sources.begin() + turn);
}

void Downloads::note_outcome(State& state, Entry& entry, const Spool::View& outcome) {
  constexpr std::size_t kMost = 10'000;  // URLs remembered; beyond, all is forgotten
  if (std::exchange(entry.noted, true)) return;
  const auto& url = entry.job.url;
  if (outcome.state == SpoolState::complete) {
    state.rotten.erase(url);
  } else if (outcome.failure == ErrorKind::corrupt) {
    if (state.rotten.size() >= kMost) state.rotten.clear();
    ++state.rotten[url];
  }
}

std::shared_ptr<Spool> Downloads::find(const nix::NarUrl& url) {
  if (!state_.with([&](const State& s) { return s.all.contains(url); })) return nullptr;
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

std::shared_ptr<Spool> Downloads::for_peer(const nix::NarUrl& url, std::uint64_t fence) const {
  auto entry = state_.with([&](const State& s) {
    auto it = s.all.find(url);
    return it == s.all.end() ? nullptr : it->second;
  });
  if (!entry || entry->lease->fence() != fence) return nullptr;
  return entry->spool;
}

// Of the queue. Where fewer than that wait nobody need count.
bool Downloads::has_its_share(const State& s, const std::string& from) const {
  auto share = std::max<std::size_t>(1, limits_.queued_clients / 2);
  if (from.empty() || s.clients.size() < share) return false;
  auto its =
      std::ranges::count_if(s.clients, [&](const auto& entry) { return entry->from == from; });
  return static_cast<std::size_t>(its) >= share;
}

std::shared_ptr<Spool> Downloads::join(DownloadJob job, std::string from) {
  forget_if_failed(job.url);
  std::optional<Error> refused;
  auto spool = state_.with([&](State& s) {
    auto it = s.all.find(job.url);
    if (it != s.all.end()) {
      promote(s, it->second);
      return it->second->spool;
    }
    put_liars_last(s, job);
    auto entry = std::make_shared<Entry>(
        Entry{.job = std::move(job), .asked = Asked::by_client, .from = std::move(from)});
    if (s.stopped) {
      refused = stopped();
    } else if (s.clients.size() >= limits_.queued_clients || has_its_share(s, entry->from)) {
      refused = Error(ErrorKind::unavailable, "too many downloads wait already");
    } else {
      s.all.emplace(entry->job.url, entry);
      s.clients.push_back(entry);
    }
    return entry->spool;
  });
  if (refused) spool->fail(std::move(*refused));
  start_what_may();
  return spool;
}

Task<void> Downloads::ended(nix::NarUrl url, Deadline deadline) {
  for (;;) {
    auto seen = admitted_.version();
    if (!find(url)) co_return Result<void>();
    if (!co_await admitted_.wait_past(seen, deadline))
      co_return fail(ErrorKind::timeout, "the download of " + url.str() + " did not end in time");
  }
}

void Downloads::prefetch(DownloadJob job) {
  forget_if_failed(job.url);
  state_.with([&](State& s) {
    if (s.stopped || s.prefetches.size() >= limits_.queued_prefetches) return;
    auto [it, fresh] = s.all.try_emplace(job.url);
    if (!fresh) return;
    put_liars_last(s, job);
    it->second = std::make_shared<Entry>(Entry{.job = std::move(job), .asked = Asked::by_nobody});
    s.prefetches.push_back(it->second);
  });
  start_what_may();
}

// The first of those whose clients have the fewest running, but of what is excluded.
Downloads::EntryPtr Downloads::take_fair(State& s) {
  if (s.clients.empty()) return nullptr;
  std::map<std::string_view, std::size_t> running;
  for (const auto& entry : s.under_way)
    if (!entry->from.empty()) ++running[entry->from];
  auto runs = [&](const EntryPtr& entry) {
    auto it = running.find(entry->from);
    return it == running.end() ? 0 : it->second;
  };
  auto best = s.clients.end();
  for (auto it = s.clients.begin(); it != s.clients.end(); ++it) {
    if (s.excluded.contains((*it)->job.url)) continue;
    if (best == s.clients.end() || runs(*it) < runs(*best)) best = it;
    if (runs(*best) == 0) break;
  }
  if (best == s.clients.end()) return nullptr;
  auto next = std::move(*best);
  s.clients.erase(best);
  return next;
}

Downloads::EntryPtr Downloads::take_prefetch(State& s) {
  auto it = std::ranges::find_if(
      s.prefetches, [&](const auto& entry) { return !s.excluded.contains(entry->job.url); });
  if (it == s.prefetches.end()) return nullptr;
  auto next = std::move(*it);
  s.prefetches.erase(it);
  ++s.prefetching;
  return next;
}

Downloads::EntryPtr Downloads::take_next(State& s) const {
  if (s.running >= limits_.running) return nullptr;
  EntryPtr next = take_fair(s);
  if (!next && s.prefetching < limits_.prefetching) next = take_prefetch(s);
  if (next) {
    next->running = true;
    next->begun = Deadline::Clock::now();
    s.under_way.push_back(next);
    ++s.running;
  }
  return next;
}

Downloads::Load Downloads::load() const {
  Load load;
  auto running = state_.with([&](const State& s) {
    load.running = s.running;
    load.queued_clients = s.clients.size();
    load.queued_prefetches = s.prefetches.size();
    return s.under_way;
  });
  for (const auto& entry : running) load.spooled += entry->spool->view().size;
  return load;
}

std::vector<Downloads::Transfer> Downloads::transfers(std::size_t most) const {
  auto running = state_.with([](const State& s) { return s.under_way; });
  if (running.size() > most) running.resize(most);
  std::vector<Transfer> list;
  for (const auto& entry : running) {
    auto view = entry->spool->view();
    std::chrono::duration<double> since = Deadline::Clock::now() - entry->begun;
    list.push_back({.nar = entry->job.url.str(),
                    .upstream = entry->spool->comes_from(),
                    .bytes = view.size,
                    .total = view.total,
                    .clients = entry->spool->clients_now(),
                    .prefetch = entry->spool->clients_ever() == 0,
                    .seconds = since.count()});
  }
  return list;
}

void Downloads::start_what_may() {
  while (auto entry = state_.with([&](State& s) { return take_next(s); })) {
    group_.spawn(runtime_.next_executor(), "download", run(std::move(entry)));
  }
}

Downloads::Exclusion::~Exclusion() {
  if (of_ == nullptr) return;
  of_->state_.with([&](State& s) { s.excluded.erase(url_); });
  of_->admitted_.notify();
  of_->start_what_may();  // what has waited for this
}

std::optional<Downloads::Exclusion> Downloads::try_exclude(const nix::NarUrl& url) {
  forget_if_failed(url);
  bool ours =
      state_.with([&](State& s) { return !s.all.contains(url) && s.excluded.insert(url).second; });
  return ours ? std::optional(Exclusion(*this, url)) : std::nullopt;
}

void Downloads::discard(const nix::NarUrl& url) {
  auto gone = state_.with([&](State& s) -> EntryPtr {
    auto it = s.all.find(url);
    if (it == s.all.end() || !it->second->spool->discard()) return nullptr;
    auto entry = it->second;
    std::erase(s.prefetches, entry);  // nobody waits for it
    s.all.erase(it);
    return entry;
  });
  if (!gone) return;
  gone->lease->drop();  // whoever asks now need not wait for its end
  admitted_.notify();
}

Task<Downloads::Exclusion> Downloads::exclude(nix::NarUrl url, Deadline deadline) {
  for (;;) {
    auto seen = admitted_.version();
    discard(url);
    if (auto alone = try_exclude(url)) co_return std::move(*alone);
    if (!co_await admitted_.wait_past(seen, deadline))
      co_return fail(ErrorKind::timeout, "a download of " + url.str() + " did not end in time");
  }
}

boost::asio::awaitable<void> Downloads::run(EntryPtr entry) {
  try {
    co_await carry_out(entry);
  } catch (...) {  // the group tells of it; nobody waits for it, and its place is free
    entry->lease->drop();
    entry->spool->fail(Error(ErrorKind::unavailable, "the download ended in a way of its own"));
    end(entry);
    throw;
  }
  end(entry);
}

void Downloads::end(const EntryPtr& entry) {
  auto outcome = entry->spool->view();
  state_.with([&](State& s) {
    note_outcome(s, *entry, outcome);
    forget(s, entry);
    std::erase(s.under_way, entry);
    --s.running;
    if (entry->asked == Asked::by_nobody) --s.prefetching;
  });
  admitted_.notify();
  start_what_may();
}

boost::asio::awaitable<void> Downloads::carry_out(const EntryPtr& entry) {
  // Whoever made room for it spawned it; it belongs to who asked for it.
  trace::Span span("cache.download",
                   trace::Span::First{.parent = entry->within.valid() ? &entry->within : nullptr});
  span.set("ncps.nar", entry->job.url.str());
  span.set("ncps.prefetch", entry->asked == Asked::by_nobody);
  entry->spool->leaves_queue();
  auto untold = co_await run_download(deps_, entry->job, entry->spool, entry->lease, entry->asked);
  entry->lease->drop();
  auto outcome = entry->spool->view();
  span.set("ncps.bytes", outcome.size);
  if (outcome.state != SpoolState::complete) span.fail("not kept, or not whole");
  if (untold) {
    untold_.with([&](auto& all) {
      if (all.size() < kMostUntold) all.insert_or_assign(entry->job.url, *untold);
    });
  } else if (outcome.state == SpoolState::complete) {
    co_await tell_again();
  }
  if (outcome.state == SpoolState::complete) doubtful_.take(entry->job.url);
  bool nowhere = outcome.failure == ErrorKind::corrupt || outcome.failure == ErrorKind::not_found;
  if (nowhere && entry->job.announced()) doubtful_.add(entry->job.url);
}

// The catalog is back: it is told what it missed.
boost::asio::awaitable<void> Downloads::tell_again() {
  for (;;) {
    auto one = untold_.with([](auto& all) {
      return all.empty() ? decltype(all.extract(all.begin()))() : all.extract(all.begin());
    });
    if (one.empty()) co_return;
    auto told =
        co_await deps_.catalog.mark_stored(one.key(), one.mapped().size, one.mapped().fence);
    if (told) continue;
    untold_.with([&](auto& all) { all.insert(std::move(one)); });
    co_return;
  }
}

std::deque<Downloads::EntryPtr> Downloads::refuse_new_ones() {
  auto refused = state_.with([](State& s) {
    s.stopped = true;
    std::deque<EntryPtr> waiting;
    std::ranges::move(s.clients, std::back_inserter(waiting));
    std::ranges::move(s.prefetches, std::back_inserter(waiting));
    s.clients.clear();
    s.prefetches.clear();
    for (const auto& entry : waiting) forget(s, entry);
    return waiting;
  });
  admitted_.notify();
  return refused;
}

void Downloads::cut_off() {
  auto ending = refuse_new_ones();
  state_.with([&](const State& s) {
    for (const auto& [url, entry] : s.all) ending.push_back(entry);
    std::ranges::copy(s.under_way, std::back_inserter(ending));  // those that were discarded, too
  });
  for (const auto& entry : ending) entry->spool->fail(stopped());
}

bool Downloads::stop(Deadline deadline) {
  for (const auto& entry : refuse_new_ones()) entry->spool->fail(stopped());
  // What was taken from a queue counts as running a moment before it is in the group.
  while (group_.join_blocking(deadline)) {
    if (state_.with([](const State& s) { return s.running == 0; })) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace ncps::cache
