#include "cache/downloads.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <thread>
#include <utility>

#include "telemetry/span.h"

namespace ncps::cache {
namespace {

Error stopped() {
  return Error(ErrorKind::unavailable, "the server is shutting down");
}

}  // namespace

Downloads::Downloads(Runtime& runtime, DownloadDeps deps, DownloadLimits limits)
    : runtime_(runtime), deps_(deps), state_(State{.queue = DownloadQueue(limits)}) {}

Downloads::~Downloads() = default;

void Downloads::forget_if_failed(const nix::NarUrl& url) {
  auto entry = state_.with([&](const State& s) { return s.queue.find(url); });
  if (!entry) return;
  auto outcome = entry->spool->view();
  if (outcome.state != SpoolState::failed) return;
  entry->lease->drop();
  state_.with([&](State& s) {
    note_outcome(s, *entry, outcome);
    s.queue.forget(entry);
  });
  admitted_.notify();
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
  if (!state_.with([&](const State& s) { return s.queue.find(url); })) return nullptr;
  forget_if_failed(url);
  auto entry = state_.with([&](State& s) { return s.queue.find_for_client(url); });
  if (!entry) return nullptr;
  start_what_may();
  return entry->spool;
}

std::shared_ptr<Spool> Downloads::for_peer(const nix::NarUrl& url, std::uint64_t fence) const {
  auto entry = state_.with([&](const State& s) { return s.queue.find(url); });
  if (!entry || entry->lease->fence() != fence) return nullptr;
  return entry->spool;
}

std::shared_ptr<Spool> Downloads::join(DownloadJob job, std::string from) {
  using Admission = DownloadQueue::Admission;
  forget_if_failed(job.url);
  auto admission = Admission::queued;
  auto entry = state_.with([&](State& s) {
    if (auto there = s.queue.find_for_client(job.url)) return there;
    put_liars_last(s, job);
    auto fresh = std::make_shared<Entry>(
        Entry{.job = std::move(job), .wanted = Wanted::by_client, .from = std::move(from)});
    admission = s.queue.add(fresh);
    return fresh;
  });
  if (admission == Admission::stopped) entry->spool->fail(stopped());
  if (admission == Admission::full)
    entry->spool->fail(Error(ErrorKind::unavailable, "too many downloads wait already"));
  start_what_may();
  return entry->spool;
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
    if (s.queue.find(job.url)) return;
    put_liars_last(s, job);
    s.queue.add(std::make_shared<Entry>(Entry{.job = std::move(job), .wanted = Wanted::by_nobody}));
  });
  start_what_may();
}

Downloads::Load Downloads::load() const {
  Load load;
  auto running = state_.with([&](const State& s) {
    load.running = s.queue.running().size();
    load.queued_clients = s.queue.waiting_clients();
    load.queued_prefetches = s.queue.waiting_prefetches();
    return s.queue.running();
  });
  for (const auto& entry : running) load.spooled += entry->spool->view().size;
  return load;
}

std::vector<Downloads::Transfer> Downloads::transfers(std::size_t most) const {
  auto running = state_.with([](const State& s) { return s.queue.running(); });
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
  auto begin_next = [](State& s) {
    auto next = s.queue.take_next();
    if (next) next->begun = Deadline::Clock::now();
    return next;
  };
  while (auto entry = state_.with(begin_next)) {
    try {
      group_.spawn(runtime_.next_executor(), "download", run(entry));
    } catch (const std::exception& e) {
      give_up(entry, e.what());  // those who wait for it get to know; the others have their turn
    }
  }
}

void Downloads::give_up(const EntryPtr& entry, const std::string& why) {
  entry->lease->drop();
  entry->spool->fail(Error(ErrorKind::unavailable, why));
  end(entry);
}

Downloads::Exclusion::~Exclusion() {
  if (of_ == nullptr) return;
  of_->state_.with([&](State& s) { s.queue.include(url_); });
  of_->admitted_.notify();
  of_->start_what_may();  // what has waited for this
}

std::optional<Downloads::Exclusion> Downloads::try_exclude(const nix::NarUrl& url) {
  forget_if_failed(url);
  bool ours = state_.with([&](State& s) { return s.queue.exclude(url); });
  return ours ? std::optional(Exclusion(*this, url)) : std::nullopt;
}

void Downloads::discard(const nix::NarUrl& url) {
  auto gone = state_.with([&](State& s) -> EntryPtr {
    auto entry = s.queue.find(url);
    if (!entry || !entry->spool->discard()) return nullptr;
    s.queue.forget(entry);
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
    give_up(entry, "the download ended in a way of its own");
    start_what_may();
    throw;
  }
  end(entry);
  start_what_may();
}

void Downloads::end(const EntryPtr& entry) {
  auto outcome = entry->spool->view();
  state_.with([&](State& s) {
    note_outcome(s, *entry, outcome);
    s.queue.end(entry);
  });
  admitted_.notify();
}

boost::asio::awaitable<void> Downloads::carry_out(const EntryPtr& entry) {
  // Whoever made room for it spawned it; it belongs to who asked for it.
  trace::Span span("cache.download",
                   trace::Span::First{.parent = entry->within.valid() ? &entry->within : nullptr});
  span.set("ncps.nar", entry->job.url.str());
  span.set("ncps.prefetch", entry->wanted == Wanted::by_nobody);
  entry->spool->leaves_queue();
  auto untold = co_await run_download(deps_, entry->job, entry->spool, entry->lease, entry->wanted);
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
    auto put_back = [&] { untold_.with([&](auto& all) { all.insert(std::move(one)); }); };
    bool told = false;
    try {
      const auto& [size, fence] = one.mapped();
      told = (co_await deps_.catalog.mark_stored(one.key(), size, fence)).has_value();
    } catch (...) {
      put_back();
      throw;
    }
    if (told) continue;
    put_back();
    co_return;
  }
}

std::vector<Downloads::EntryPtr> Downloads::refuse_new_ones() {
  auto refused = state_.with([](State& s) { return s.queue.stop(); });
  admitted_.notify();
  return refused;
}

void Downloads::cut_off() {
  auto ending = refuse_new_ones();
  state_.with(
      [&](const State& s) { std::ranges::copy(s.queue.running(), std::back_inserter(ending)); });
  for (const auto& entry : ending) entry->spool->fail(stopped());
}

bool Downloads::stop(Deadline deadline) {
  for (const auto& entry : refuse_new_ones()) entry->spool->fail(stopped());
  // What was taken from a queue counts as running a moment before it is in the group.
  while (group_.join_blocking(deadline)) {
    if (state_.with([](const State& s) { return s.queue.running().empty(); })) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace ncps::cache
