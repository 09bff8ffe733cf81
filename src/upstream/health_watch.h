// HealthWatch: probes each upstream when its probe is due, all of them beside each other.
//
// For one thread, which runs no coroutines: main. It owns coroutines: stop it before the upstreams'
// client is destroyed.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "rt/runtime.h"
#include "rt/task_group.h"
#include "upstream/upstream.h"

namespace ncps::upstream {

class HealthWatch {
 public:
  HealthWatch(Runtime& runtime, UpstreamSet& upstreams);  // both must outlive it
  ~HealthWatch();  // REQUIRES: never started, or stop() has returned true

  void start();  // waits for nobody

  // The list has been replaced: those that are gone are left alone, new ones are probed.
  void follow();

  // Ends it, for good. A probe under way is waited for: it ends at its own time, or when the
  // upstreams' client is stopped. False: the deadline has passed and one still runs; call it again.
  bool stop(Deadline deadline);

 private:
  struct Watched {
    std::shared_ptr<Upstream> upstream;
    std::atomic<bool> over = false;  // set, then next_probe_nearer() is notified
  };
  using WatchedList = std::vector<std::shared_ptr<Watched>>;

  static boost::asio::awaitable<void> watch(std::shared_ptr<Watched> watched);
  static void let_go(const WatchedList& list);

  Runtime& runtime_;
  UpstreamSet& upstreams_;
  WatchedList watched_;
  bool running_ = false;
  TaskGroup group_;
};

}  // namespace ncps::upstream
