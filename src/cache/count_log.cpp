#include "cache/count_log.h"

#include "base/thread_number.h"
#include "telemetry/log.h"

namespace ncps::cache {

void CountLog::add(Which which, std::uint64_t number, std::uint64_t bytes) {
  auto& counter = shards_[thread_number() % kShards].counters[which];
  counter.number.fetch_add(number, std::memory_order_relaxed);
  if (bytes > 0) counter.bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void CountLog::narinfo(std::string_view how, bool found) {
  if (!found) return add(info_none, 1, 0);
  add(how == "miss" ? info_miss : info_hit, 1, 0);
}

void CountLog::nar(const nix::NarUrl& url, std::string_view how, std::uint64_t bytes) {
  if (upstreams_ != nullptr) upstreams_->served(url, how, bytes);
  add(how == "hit"                         ? nar_hit
      : how == "inflight" || how == "peer" ? nar_shared
                                           : nar_miss,
      1, bytes);
}

void CountLog::start() {
  group_.spawn(runtime_.next_executor(), "counting", write_again_and_again());
}

boost::asio::awaitable<void> CountLog::write_again_and_again() {
  for (bool last = false; !last;) {
    auto seen = stop_.version();
    if (!stopping_) co_await stop_.wait_past(seen, Deadline::after(kEvery));
    last = stopping_;
    auto written = co_await write();
    if (written && upstreams_ != nullptr) written = co_await upstreams_->write();
    if (!written)
      log::warn("what was served could not be counted", {{"error", written.error().what()}});
  }
}

Task<void> CountLog::write() {
  using namespace std::chrono;
  auto today = db::print_time(floor<seconds>(system_clock::now())).substr(0, 10);
  std::vector<db::DailyCount> counts;
  for (std::size_t which = 0; which < kNames.size(); ++which) {
    db::DailyCount count{.day = today, .name = std::string(kNames[which])};
    for (auto& shard : shards_) {
      count.number += shard.counters[which].number.exchange(0, std::memory_order_relaxed);
      count.bytes += shard.counters[which].bytes.exchange(0, std::memory_order_relaxed);
    }
    if (count.number > 0) counts.push_back(std::move(count));
  }
  if (counts.empty()) co_return Result<void>();
  auto written = co_await inventory_.add_counts(counts);
  if (written) co_return written;
  for (const auto& count : counts)  // the database is away: later
    for (std::size_t which = 0; which < kNames.size(); ++which)
      if (kNames[which] == count.name) add(static_cast<Which>(which), count.number, count.bytes);
  co_return written;
}

bool CountLog::stop(Deadline deadline) {
  stopping_ = true;
  stop_.notify();
  return group_.join_blocking(deadline);
}

}  // namespace ncps::cache
