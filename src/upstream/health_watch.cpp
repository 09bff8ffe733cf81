#include "upstream/health_watch.h"

#include <algorithm>
#include <utility>

#include "telemetry/log.h"

namespace ncps::upstream {
namespace {

constexpr auto kProbeTime = std::chrono::seconds(20);  // with connecting, head and body

}  // namespace

HealthWatch::HealthWatch(Runtime& runtime, UpstreamSet& upstreams)
    : runtime_(runtime), upstreams_(upstreams) {}

HealthWatch::~HealthWatch() = default;

void HealthWatch::start() {
  running_ = true;
  follow();
}

void HealthWatch::follow() {
  if (!running_) return;
  auto before = std::exchange(watched_, {});
  auto list = upstreams_.now();
  for (const auto& upstream : *list) {
    auto known = std::ranges::find(before, upstream, &Watched::upstream);
    if (known != before.end()) {
      watched_.push_back(std::move(*known));
      before.erase(known);
      continue;
    }
    watched_.push_back(std::make_shared<Watched>());
    watched_.back()->upstream = upstream;
    group_.spawn(runtime_.next_executor(), "health watch", watch(watched_.back()));
  }
  let_go(before);
}

bool HealthWatch::stop(Deadline deadline) {
  running_ = false;
  let_go(std::exchange(watched_, {}));
  return group_.join_blocking(deadline);
}

void HealthWatch::let_go(const WatchedList& list) {
  for (const auto& watched : list) {
    watched->over = true;
    watched->upstream->next_probe_nearer().notify();
  }
}

boost::asio::awaitable<void> HealthWatch::watch(std::shared_ptr<Watched> watched) {
  using Clock = Deadline::Clock;
  auto& upstream = *watched->upstream;
  for (;;) {
    auto seen = upstream.next_probe_nearer().version();
    if (watched->over) co_return;
    auto due = upstream.next_probe(), now = Clock::now();
    if (due > now) {
      auto until = due == Clock::time_point::max() ? Deadline::never() : Deadline::after(due - now);
      co_await upstream.next_probe_nearer().wait_past(seen, until);
      continue;
    }
    auto probed = co_await upstream.probe(Deadline::after(kProbeTime));
    // The upstream logs when it goes; this is for whoever wonders about one that stays away.
    if (!probed)
      log::debug("a probe failed",
                 {{"upstream", upstream.name()}, {"error", probed.error().what()}});
  }
}

}  // namespace ncps::upstream
