#include "cache/scrub.h"

#include <set>

#include "telemetry/log.h"

namespace ncps::cache {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kMostUnread = 300;  // then something else is wrong

void tell(const ScrubOutcome& outcome) {
  if (outcome.elsewhere) return log::debug("another instance scrubs");
  log::info("scrubbed", {{"right", outcome.right},
                         {"bytes", outcome.bytes},
                         {"removed", outcome.removed},
                         {"absent", outcome.absent},
                         {"unread", outcome.unread}});
}

}  // namespace

void Scrub::start() {
  if (options_.schedule) group_.spawn(runtime_.next_executor(), "scrub", at_its_times());
}

boost::asio::awaitable<void> Scrub::at_its_times() {
  while (co_await wait_for_its_time()) {
    auto outcome = co_await run();
    if (outcome) tell(*outcome);
    if (!outcome) log::warn("not scrubbed", {{"error", outcome.error().what()}});
  }
}

boost::asio::awaitable<bool> Scrub::wait_for_its_time() {
  for (Timetable times(options_.clock());;) {
    auto seen = stop_.version();
    if (stopping_) co_return false;
    auto left = times.left(*options_.schedule, options_.clock());
    if (!left) co_return false;  // never
    if (*left <= left->zero()) co_return true;
    // Anew after each nap: the clock may be set meanwhile.
    auto nap = std::min<Deadline::Clock::duration>(*left, options_.nap);
    co_await stop_.wait_past(seen, Deadline::after(nap));
  }
}

Task<std::optional<std::unique_ptr<lock::Lease>>> Scrub::take_lease() {
  if (options_.leases == nullptr) co_return std::unique_ptr<lock::Lease>();
  lock::Ask ask{.name = "scrub", .note = {}, .time_to_live = options_.lease_lasts};
  auto deadline = Deadline::after(std::chrono::seconds(10));
  CO_TRY(auto taken, co_await options_.leases->try_take(std::move(ask), deadline));
  if (std::holds_alternative<lock::Holder>(taken)) co_return std::nullopt;
  co_return std::move(std::get<std::unique_ptr<lock::Lease>>(taken));
}

Task<ScrubOutcome> Scrub::run() {
  auto begun = system_time();
  ScrubOutcome outcome;
  CO_TRY(auto lease, co_await take_lease());
  outcome.elsewhere = !lease;
  if (outcome.elsewhere) co_return outcome;
  Pace pace(options_.bytes_per_second);
  std::set<nix::NarUrl> unread;
  std::size_t in_a_row = 0;  // absent
  while (!stopping_) {
    auto most = std::min(kPage + unread.size(), db::Inventory::kPage);
    CO_TRY(auto page, co_await deps_.inventory.least_verified(most, begun));
    std::erase_if(page, [&](const auto& entry) { return unread.contains(entry.row.url); });
    if (page.empty()) break;
    for (const auto& entry : page) {
      if (stopping_) break;
      if (*lease && !(*lease)->good())
        co_return fail(ErrorKind::unavailable, "the lease was lost: another instance goes on");
      auto fate = co_await one(entry.row, begun, pace, outcome);
      if (!fate || *fate == Fate::judged) in_a_row = 0;  // what went says nothing about the store
      if (fate && *fate == Fate::absent && ++in_a_row >= kMostAbsent) {
        log::error("many NARs in a row are not in the store, so the scrub ends",
                   {{"absent", in_a_row}, {"last", entry.row.url.str()}});
        co_return fail(ErrorKind::unavailable, "the store seems to be another one");
      }
      if (fate || stopping_) continue;
      ++outcome.unread;
      unread.insert(entry.row.url);
      log::warn("a NAR could not be scrubbed",
                {{"nar", entry.row.url.str()}, {"error", fate.error().what()}});
    }
    if (unread.size() >= kMostUnread)
      co_return fail(ErrorKind::unavailable, "too many NARs cannot be read");
  }
  co_return outcome;
}

// As it is now: the page was read many files ago, and the server goes on evicting meanwhile.
Task<bool> Scrub::is_noted(const nix::NarUrl& url) {
  CO_TRY(auto entry, co_await deps_.inventory.find_nar(url));
  co_return entry && entry->row.stored_size;
}

Task<Scrub::Fate> Scrub::one(const db::NarRow& row, db::Time begun, Pace& pace,
                             ScrubOutcome& outcome) {
  using How = NarVerdict::How;
  auto url = row.url;
  CO_TRY(auto verdict, co_await check_nar(deps_, url, row, pace, stopping_));
  if (verdict.how == How::right) {
    ++outcome.right;
    outcome.bytes += verdict.bytes;
    std::vector<nix::NarUrl> right{url};
    // Not before the run began, or it would be read again and again after the clock was set back.
    CO_TRY(
        co_await deps_.inventory.mark_verified(std::move(right), std::max(system_time(), begun)));
    co_return Fate::judged;
  }
  if (verdict.how == How::absent) {
    CO_TRY(bool noted, co_await is_noted(url));
    if (!noted) co_return Fate::gone;
    CO_TRY(bool absent, co_await note_absent(deps_, url));
    if (!absent) co_return Fate::gone;  // and has come again: it is read with the next page
    ++outcome.absent;
    log::warn("a NAR was noted as stored, but is not there", {{"nar", url.str()}});
    co_return Fate::absent;
  }
  CO_TRY(bool removed, co_await discard_nar(deps_, url, std::move(verdict.read)));
  if (!removed) {
    CO_TRY(bool noted, co_await is_noted(url));
    if (!noted) co_return Fate::gone;
    co_return fail(ErrorKind::unavailable, "it has come anew since it was read");
  }
  ++outcome.removed;
  log::error("a kept NAR was damaged, and is removed; it is fetched again when it is asked for",
             {{"nar", url.str()}, {"why", verdict.why}});
  co_return Fate::judged;
}

bool Scrub::stop(Deadline deadline) {
  stopping_ = true;
  stop_.notify();
  return group_.join_blocking(deadline);
}

}  // namespace ncps::cache
